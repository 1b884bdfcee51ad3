"""What is known of the ways to the targets: loss, silence, canaries, and how often to ask."""
