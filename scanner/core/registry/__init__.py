"""The IANA table: reading it, looking a port up, comparing two editions, and the overlays beside it."""
