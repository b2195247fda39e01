"""The task reber: options, data, answers, and the class that joins them."""
