"""What a session may come to, and what *begin* brings along.

The scripts have these numbers under the same names (``scripts.py``).
"""

from __future__ import annotations

SMALL_BYTES = 16 * 1024  # scalars up to this size are brought along by begin
SMALL_SCALARS = 128
SMALL_LIST_BYTES = 2 * 1024  # and so is each list up to this size
SMALL_LISTS = 8
READ_BYTES = 2**20  # of a list in one step, and
READ_TOGETHER = 64  # elements in one command: together that many pieces at most
TICKET_MS = 500  # of a request that waits for a lock; longer than it pauses (edgedb/waiting.py)
REPLY_TTL_MS = 24 * 3600 * 1000
REMEMBERED_MS = REPLY_TTL_MS  # the epoch of a session that was removed
ASIDE_MS = 30 * 24 * 3600 * 1000  # what is set aside; whoever misses a session notices before
VALUES_LIMIT = 100_000  # of one session
LISTS_LIMIT = 10_000  # of one session; each is a key of its own, and named in every move
REPLIES_LIMIT = 100_000  # of one session; beyond it the oldest is forgotten before its time
REPLY_BYTES_LIMIT = 16 * 2**20  # of one session's stored replies and their keys; likewise
REPLIES_DROPPED = 2000  # by one commit, at most: a step is to be short
DELETIONS_KEPT = 1000  # beyond it, a copy under way begins anew
STUCK_LIMIT = 1000  # sessions that are remembered since they could not be offloaded
STUCK_KEPT_MS = 20 * 60 * 1000  # longer than any is passed over (edgedb/oracle/relief.py)
REST_MS = 10 * 60 * 1000  # after a relief no session is brought home
ASK_MS = 1000  # between two requests of a node that ask for a tick
CLOCK_STEP_MS = 1000  # a server's clock may be set back so far, and what began before holds on
ENTRIES_MEASURED = 10_000  # of a hash; of more is estimated what they take
META_BYTES = 300  # what a meta hash takes about: stands there until it is measured
SIZE_ESTIMATED = 64 * 1024  # what is smaller is measured with each commit
LOOSE_SHARE = 32  # a size is measured anew once one part in so many may have changed
LIST_NODES_MEASURED = 10_000  # of about 8 KiB
