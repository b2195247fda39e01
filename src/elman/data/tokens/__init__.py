"""Vocabularies, and corpora of tokens."""
