"""A page in which a network types, guesses and shows its memory: one file that opens without a server."""
