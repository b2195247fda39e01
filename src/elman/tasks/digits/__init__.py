"""The task digits: options, data, answers, and the class that joins them."""
