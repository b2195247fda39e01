"""Problems that measure memory; their sequences are drawn."""
