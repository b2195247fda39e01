"""Recordings with their transcripts: read, cut into steps, varied and batched."""
