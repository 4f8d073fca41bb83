"""Which gateways a client may tell a session's id and its user's credentials.

The home gateway, which the user names, and every gateway that a node behind one of these says is
that of a location of its tree. Where a redirect says that the session is at a location that the
client has not been to, it asks the redirecting node (``test-function/gateway``) once, and
remembers the answer. So a function that redirects wherever its input says leads nobody astray. A
node can, but that has the session and its users' credentials anyway; so can whoever changes
answers on their way, unless the gateways are called by https.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes, urldefrag

from requests import PreparedRequest, Request, Response

from edgedb.client.repeating import UnconfirmedGateway
from edgedb.wire.headers import SESSION_LOCATION

CREDENTIALS = ("Authorization", "Cookie")

Ask = Callable[[PreparedRequest], Response]
"""Makes one HTTP call."""


def normal(address: str) -> str:
    """Write an address as ``requests`` does, without a slash at its end."""
    return str(Request("GET", address).prepare().url).rstrip("/")


class Gateways:
    """The gateways that are known to be of the session's tree."""

    def __init__(self, home: str) -> None:
        self.home = normal(home)
        self._by_location: dict[str, str] = {}

    def at(self, url: str) -> str | None:
        """Give the known gateway that an address belongs to."""
        known = (self.home, *self._by_location.values())
        return next((gateway for gateway in known if url.startswith(f"{gateway}/")), None)

    def next(self, place: str, rest: str, answer: Response, ask: Ask) -> str | None:
        """Give the gateway that a node at ``place`` sends a call to; None: it sends it nowhere.

        ``rest`` is what the call's address has behind the gateway's.

        Raises:
            UnconfirmedGateway: it is none of the tree, or another function or path is named.

        """
        location = answer.headers.get(SESSION_LOCATION)
        if answer.next is None or answer.status_code not in {307, 308} or location is None:
            return None
        target = str(answer.next.url)
        for gateway in self._candidates(place, location, answer.request, ask):
            if _is_same(gateway + rest, target):
                return gateway
        raise UnconfirmedGateway(f"{place} does not confirm that {location!r:.80} is at {target}")

    def _candidates(
        self, place: str, location: str, call: PreparedRequest, ask: Ask
    ) -> Iterator[str]:
        yield self.home
        if location in self._by_location:
            yield self._by_location[location]
        if gateway := _named(place, location, call, ask):
            self._by_location[location] = gateway
            yield gateway


def _named(place: str, location: str, call: PreparedRequest, ask: Ask) -> str | None:
    """Ask a node for the gateway of a location of its tree.

    With the credentials of the call: a gateway may want them for all its functions.
    """
    sent = {name: call.headers[name] for name in CREDENTIALS if name in call.headers}
    url = f"{place}/function/test-function/gateway"
    told = ask(Request("GET", url, sent, params={"location": location}).prepare())
    try:
        return normal(told.json()["gateway"]) if told.status_code == 200 else None
    except (ValueError, KeyError, TypeError):
        return None


def _is_same(one: str, other: str) -> bool:
    """Compare addresses; what lies between quotes them anew."""
    return unquote_to_bytes(urldefrag(one).url) == unquote_to_bytes(urldefrag(other).url)
