"""What is expected where, by whom, until when."""
