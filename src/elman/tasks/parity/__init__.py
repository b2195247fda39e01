"""The task parity: options, data, answers, and the class that joins them."""
