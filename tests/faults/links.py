"""The proxies of a tree, on an event loop in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from tests.faults.proxy import Address, Proxy

Result = TypeVar("Result")


class Links:
    """Proxies by name; every method may be called from any thread, and returns when it is done."""

    def __init__(self) -> None:
        self._proxies: dict[Hashable, Proxy] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links")

    def __enter__(self) -> Links:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies.values():
            self._done(proxy.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self, name: Hashable, target: Address) -> Address:
        """Put a proxy before ``target``; give its address."""
        proxy = self._proxies[name] = Proxy(target)
        return "127.0.0.1", self._done(proxy.start())

    def tell(self, name: Hashable, what: Callable[[Proxy], Result]) -> Result:
        """Have something done with a proxy."""
        done = Future[Result]()
        self._loop.call_soon_threadsafe(lambda: done.set_result(what(self._proxies[name])))
        return done.result()

    def mend_all(self) -> None:
        """End all faults."""
        for name in self._proxies:
            self.tell(name, Proxy.mend)

    def _done(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
