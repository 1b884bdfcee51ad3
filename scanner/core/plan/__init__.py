"""The index space of a sweep, its order, its waves and what they came to."""
