"""The SYN engine: half-open probes in raw frames, each answer validated by its keyed sequence number."""
