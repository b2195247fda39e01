"""Batchers: from data to batches, one file a kind."""
