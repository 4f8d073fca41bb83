"""Examines a node for states that should have ended, and repairs them; a slice at a time.

Nothing is kept between slices, and no step holds up Redis: a node is examined while it serves.
To find is to look, nothing more. A repair finds out again, in one atomic step, whether there is
something to repair.
"""
