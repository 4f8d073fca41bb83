"""A node's Redis; nothing outside this package knows that there is one."""

from __future__ import annotations

from collections.abc import Callable

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from edgedb.settings import Settings
from edgedb.store import keys
from edgedb.store.admission import Admitted
from edgedb.store.aside import AsideStore
from edgedb.store.client import LeanRedis
from edgedb.store.codec import Argument
from edgedb.store.destination import DestinationStore
from edgedb.store.durability import Disk
from edgedb.store.inspection import InspectionStore
from edgedb.store.mending import MendingStore
from edgedb.store.outbox import OutboxStore
from edgedb.store.relatives import RelativeStore
from edgedb.store.relief import ReliefStore
from edgedb.store.requests import RequestStore
from edgedb.store.residents import ResidentStore
from edgedb.store.scripts import Clock, Scripts
from edgedb.store.source import SourceStore

RETRY_PAUSE_S = 0.05


class SessionStore:
    """The nine parts of a node's store over one connection pool."""

    def __init__(
        self,
        client: redis.Redis,
        settings: Settings,
        clock: Clock | None = None,
        tree: Callable[[], str] = lambda: "",
    ) -> None:
        here = settings.location
        scripts = Scripts(client, clock, here, tree)
        disk = Disk(scripts, is_awaited=settings.fsync_moves)
        self._scripts, self._disk, self._location = scripts, disk, here
        self.client = client
        self.admission = scripts.admission
        self.requests = RequestStore(scripts, settings)
        self.source = SourceStore(scripts, settings, disk)
        self.destination = DestinationStore(scripts, settings, disk)
        self.residents = ResidentStore(scripts, here)
        self.relief = ReliefStore(scripts, self.residents)
        self.outbox = OutboxStore(scripts)
        self.relatives = RelativeStore(scripts, here)
        self.inspection = InspectionStore(scripts, here)
        self.aside = AsideStore(scripts, here)
        self.mending = MendingStore(scripts, here)

    def now(self) -> Argument:
        """Give what scripts take as the time."""
        return self._scripts.now()

    def rejoiner(self, admitted: Admitted) -> AsideStore:
        """Set aside, as who has the store rejoin."""
        return AsideStore(self._scripts.passing(admitted), self._location)

    @classmethod
    def connect(cls, settings: Settings, tree: Callable[[], str] = lambda: "") -> SessionStore:
        """Connect as the settings say; nothing is sent before the first step.

        ``tree``: the name of the tree whose the store is to be.

        A step whose answer is lost is sent once more: every script may be repeated.
        """
        client = LeanRedis(
            host=settings.redis_host,
            port=settings.redis_port,
            password=settings.redis_password,
            socket_timeout=settings.redis_timeout,
            socket_connect_timeout=settings.redis_timeout,
            retry=Retry(ConstantBackoff(RETRY_PAUSE_S), 1),
            protocol=2,
        )
        return cls(client, settings, tree=tree)

    def require_ready(self) -> None:
        """Make sure that the server lets the steps be taken that requests and moves consist of.

        A full one does, as far as it can: requests that delete must run.

        Raises:
            NotClaimed, ForeignStore: it is not this node's.
            StoreUnavailable: it does not answer, or refuses.
            ConfigurationError: it cannot tell what is on disk where that is asked for.

        """
        self._scripts.run_apart("probe", keys.PROBES)
        self._scripts.run("arrival", keys.PROBES[:1])  # any that reads: is this process admitted?
        self._disk.require()
