"""The task adding: options, data, answers, and the class that joins them."""
