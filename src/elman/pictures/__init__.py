"""Pictures: one file a picture, each drawing on matplotlib axes it is given."""
