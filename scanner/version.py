"""The version of this program, apart from the package's front so that every room may name it."""

__version__ = "0.2.0.dev0"
