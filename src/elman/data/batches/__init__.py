"""Batchers, which turn data into batches: one file per kind."""
