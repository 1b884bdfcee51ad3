"""TCP/IP packets as numpy columns: building, parsing, and the keyed sequence number."""
