"""Text as tokens: vocabularies and the corpus on disk."""
