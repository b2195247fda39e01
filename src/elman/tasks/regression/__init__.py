"""The task regression: options, data, answers, and the class that joins them."""
