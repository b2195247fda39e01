"""Tokens: vocabularies, and the corpus on disk."""
