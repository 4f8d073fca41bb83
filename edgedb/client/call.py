"""One call of a function, which can be made at any gateway and more than once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from requests import PreparedRequest

from edgedb.wire.headers import IDEMPOTENCY_KEY

FUNCTION = "/function/"


@dataclass(frozen=True)
class Call:
    """A call of ``function``; ``rest`` is what its address has behind the gateway's.

    ``start``: where a file that is the body is to be sent from; None for a body that is no file.
    """

    request: PreparedRequest
    function: str
    rest: str
    start: int | None

    @classmethod
    def of(cls, request: PreparedRequest, home: str) -> Call | None:
        """Give a request as a call, None if it is not one of a function at ``home``.

        Raises:
            ValueError: the body can be read once only, so it could not be repeated.

        """
        rest = str(request.url).removeprefix(home)
        function = function_in(rest)
        return cls(request, function, rest, _start_of(request.body)) if function else None

    @property
    def has_key(self) -> bool:
        """Whether it takes effect once, however often it is made."""
        return IDEMPOTENCY_KEY in self.request.headers

    def at(self, gateway: str) -> PreparedRequest:
        """Give the request that makes the call at a gateway, with the whole body to be sent."""
        request = self.request.copy()
        request.url = gateway + self.rest
        if self.start is not None:
            request.body.seek(self.start)  # type: ignore[union-attr]
        return request


def function_in(rest: str) -> str | None:
    """Give the function that is called by what an address has behind a gateway's."""
    path = rest.partition("?")[0].partition("#")[0]
    return path.removeprefix(FUNCTION).partition("/")[0] if path.startswith(FUNCTION) else None


def _start_of(body: Any) -> int | None:  # noqa: ANN401 - whatever requests can send
    if body is None or isinstance(body, bytes | str):
        return None
    try:
        return int(body.tell())
    except (AttributeError, OSError) as error:
        raise ValueError(
            "this body can be read only once, so the call could not be repeated; "
            "give bytes, str, or a file that can seek"
        ) from error
