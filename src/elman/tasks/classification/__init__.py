"""The task classification: options, data, answers, and the class that joins them."""
