"""The task forecasting: options, data, answers, and the class that joins them."""
