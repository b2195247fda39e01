"""Heads: a loss and the prediction from the same features, in one place."""
