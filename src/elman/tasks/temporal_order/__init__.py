"""The task temporal-order: options, data, answers, and the class that joins them."""
