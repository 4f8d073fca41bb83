"""Reads everything once more when all is quiet."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults import quiet, tidiness
from tests.faults.clients import Client
from tests.faults.judgement import Endings
from tests.faults.place import Place
from tests.faults.record import Record
from tests.faults.script import LISTS, REGISTERS, SUBJECTS, Call
from tests.linearizability.history import Kind


def read(place: Place, record: Record) -> Endings:
    """Read all registers and lists as a client, what the root was told, and the epochs."""
    client = Client(place, record)
    seen = [client.make(call) for call in _reads()]
    lists = {
        (one.call.subject.session, one.call.key): list(one.answer.get("elements", []))
        for one in seen
        if one.call.kind is Kind.LIST
    }
    unread = [f"{s.call.subject.session}: {s.call.key}" for s in seen if s.returned is None]
    record.oddities += [f"I5: {what} cannot be read in the end" for what in unread]
    told = place.running.call(place.topology.root.id, "ledger-tally").json()["told"]
    names = [value.partition(":")[0] for value in told]
    return Endings(lists, names, tidiness.epochs(quiet.servers(place)))


def _reads() -> Iterator[Call]:
    for n, subject in enumerate(SUBJECTS):
        for kind, keys in ((Kind.READ, REGISTERS), (Kind.LIST, LISTS)):
            for key in keys:
                yield Call(subject, kind, key, f"end-{n}-{key}", is_locked=True)
