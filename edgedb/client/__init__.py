"""A client's side of a session: repeat safely, follow the session, remember where it is.

::

    with EdgeSession("http://127.0.0.1:31114", "alice") as session:
        session.post("/function/shopping-cart?product=milk").json()

Any client that follows 307 will do; this one also keeps credentials across
nodes and makes repeats harmless, by one ``Idempotency-Key`` a call.
"""

from edgedb.client.proxies import no_proxy
from edgedb.client.repeating import PAUSE_LIMIT, UnconfirmedGateway
from edgedb.client.session import EdgeSession

__all__ = ["PAUSE_LIMIT", "EdgeSession", "UnconfirmedGateway", "no_proxy"]
