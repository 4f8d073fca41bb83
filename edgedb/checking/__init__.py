"""Examines a node for states that should have ended, and repairs them; a slice at a time.

Nothing is kept between slices, and no step holds up Redis: a node is examined while it serves.
To find is to look, nothing more. A repair finds out again, in one atomic step, whether there is
something to repair.

===============  =======================================================================
``findings.py``  what can be found, and what its repair does
``slices.py``    walks through what a node keeps
``checks.py``    finds what is wrong: with a session, with an index, with the outbox
``tracing.py``   what other nodes say of a session
``repairs.py``   a repair for each kind of finding
===============  =======================================================================
"""

from edgedb.checking.slices import START, Slice, examine, mend

__all__ = ["START", "Slice", "examine", "mend"]
