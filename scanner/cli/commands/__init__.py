"""One file a command: its words, and what it calls."""
