"""Numbers about what happens inside a network."""
