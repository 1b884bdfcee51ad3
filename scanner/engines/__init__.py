"""The only code that touches the network: one room per engine; `interface.py` defines what an engine is."""
