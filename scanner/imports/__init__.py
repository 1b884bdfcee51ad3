"""Readers of what other programs found: one file a format, `formats.py` is the table."""
