"""The task speech recognition: options, data, answers, and the class that joins them."""
