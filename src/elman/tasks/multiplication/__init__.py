"""The task multiplication: options, data, answers, and the class that joins them."""
