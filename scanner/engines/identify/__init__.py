"""Conversations with open ports that find out what listens there."""
