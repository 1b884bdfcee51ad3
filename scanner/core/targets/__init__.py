"""Addresses and ports as ordered, indexable sets, and what may be probed."""
