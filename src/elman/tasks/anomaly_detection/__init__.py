"""The task anomaly-detection: options, data, answers, and the class that joins them."""
