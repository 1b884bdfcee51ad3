"""The only code that touches the network. One file an engine; `interface.py` says what an engine is."""
