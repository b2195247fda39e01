"""Pictures: one file per picture; each draws on the matplotlib axes passed to it."""
