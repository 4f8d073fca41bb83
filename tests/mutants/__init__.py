"""Faults put into the protocol on purpose; each must make a named test fail."""
