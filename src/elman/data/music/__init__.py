"""Music: pieces of notes, and what sounds at each step."""
