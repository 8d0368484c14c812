"""The command: its environment, and becoming it."""
