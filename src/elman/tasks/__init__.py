"""Tasks: one file each, raw data in, answers out. Importing this package or a task imports no torch."""
