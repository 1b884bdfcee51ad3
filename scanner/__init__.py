"""Finds the open ports that nobody can explain."""

__version__ = "0.1.0"
