"""Data: readers, vocabularies, splits, and batchers that turn data into batches."""
