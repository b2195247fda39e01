"""The task translation: options, data, answers, and the class that joins them."""
