"""How fast: limits and what keeps them."""
