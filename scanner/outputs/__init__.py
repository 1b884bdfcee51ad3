"""One file a format. Outputs are handed findings and write them; they know nothing of networks."""
