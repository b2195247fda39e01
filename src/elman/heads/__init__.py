"""Heads compute a loss and predictions from the same features."""
