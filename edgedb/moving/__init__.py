"""A session's move, both ends of it, and how one that was broken off is brought to its end."""
