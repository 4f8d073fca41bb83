"""The handler is laid in here."""
