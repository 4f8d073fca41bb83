"""The function: handler.py and what belongs to it."""
