"""The task copy: options, data, answers, and the class that joins them."""
