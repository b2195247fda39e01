"""Tasks: one folder for each. The help imports only a task's ``options.py``."""
