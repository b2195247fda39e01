"""Sequences with a tag at every step: their readers, and how they are divided and stored."""
