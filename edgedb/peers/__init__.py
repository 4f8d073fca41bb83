"""Calls between nodes: what they say, how they get there, what proves who makes them."""
