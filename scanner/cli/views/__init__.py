"""What commands print: facts in, lines out."""
