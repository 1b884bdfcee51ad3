"""Files that people write for the scanner: audit, policy, scope. Text in, checked values out."""
