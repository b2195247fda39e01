"""Tasks: one folder each, raw data in, answers out. Only a task's ``options.py`` is read for the help."""
