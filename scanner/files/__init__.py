"""Files: bounded reading, atomic writing, TOML with places, locks. Knows nothing of scanning."""
