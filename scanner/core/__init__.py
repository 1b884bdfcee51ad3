"""The pure heart: values and functions of values. No I/O, no clock, no entropy, no logging."""
