"""The connect engine: asks the kernel for connections, many at a time, on one core or several."""
