"""Counts the visits of each session.

curl -X POST -H 'X-session: alice' http://127.0.0.1:31114/function/<this function's name>
"""

import edgedb


class Visits(edgedb.Offloadable):
    """The count is kept in the session, wherever the session is at the moment."""

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Count this visit and answer how many there were."""
        visits = int(edgedb.get("visits") or 0) + 1
        edgedb.set("visits", str(visits))
        return {"body": {"session": request.session_id, "visits": visits}}


handle = Visits()
