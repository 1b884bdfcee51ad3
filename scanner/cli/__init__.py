"""The command line. `app.py` wires the commands together; each command is a file of its own."""
