"""The task language-model: options, data, answers, and the class that joins them."""
