"""A session is copied in pages while it is written to, and the copy misses nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.session import ListChange
from edgedb.store import pages
from edgedb.store.limits import DELETIONS_KEPT
from edgedb.store.pages import PageStore
from edgedb.store.source import SourceStore
from edgedb.wire import pieces
from edgedb.wire.choices import Hold
from edgedb.wire.hand_over import Ask, Changed
from edgedb.wire.items import ListPart, Scalar
from edgedb.wire.model import Value
from edgedb.wire.packet import SessionPacket, Since, from_msgpack, to_msgpack
from edgedb.wire.pieces import decode
from tests.support.contents import Content, appended, at_call, read, write
from tests.support.hooks import Deliver, Hook, as_usual
from tests.support.moves import ask_for, offered
from tests.support.tree import Tree

KIB = 1024
MIB = 1024 * KIB
NAMES = list("abcdefgh")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small sessions take many pages, and small lists and values count as large ones."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", KIB)
    monkeypatch.setattr(pages, "SMALL_BYTES", KIB)
    monkeypatch.setattr(pages, "PAGE_BYTES", 8 * KIB)
    monkeypatch.setattr(pages, "PAGE_ITEMS", 4)
    monkeypatch.setattr(pages, "WHOLE_LIST_BYTES", 2 * KIB)


def held(tree: Tree, known: SessionPacket, hold: Hold = Hold.SMALL) -> Changed:
    """Ask edge-a for a session of which a packet is here; it has changed since."""
    answers = tree.node("city").peers.hand_over("edge-a", [ask_for(known)], hold)
    answer = answers["s"]
    assert isinstance(answer, Changed)
    return answer


def changes_at_each_call(tree: Tree, change: Callable[[], object]) -> Hook:
    """Write before each call to the source, until it lets writers wait."""

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        if call.function == "migrate-session" and not is_held(tree):
            change()
        return deliver()

    return hook


def is_held(tree: Tree) -> bool:
    """Say whether a client would wait now."""
    return bool(tree.clients["edge-a"].hexists("edge:{s}:meta", "held_until"))


class Model:
    """A session's content, changed at random and followed in memory."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.scalars = dict[str, Value]()
        self.lists = dict[str, list[Value]]()

    def value(self) -> bytes:
        return self.random.randbytes(8) * self.random.choice([1, 64, 512])

    def change(self, tree: Tree) -> None:
        """Write something, here and there."""
        name = self.random.choice(NAMES)
        kind = self.random.choice(["set", "set", "unset", "append", "append", "anew", "drop"])
        value = self.value()
        if kind in {"set", "unset"}:
            write(tree, {name: value if kind == "set" else None}, {})
            self.scalars.pop(name, None)
            self.scalars |= {name: value} if kind == "set" else {}
            return
        values = [] if kind == "drop" else [value, self.value()]
        write(tree, {}, {name: ListChange(replaced=kind != "append", appended=[*values])})
        kept = self.lists.get(name, []) if kind == "append" else []
        self.lists[name] = [*kept, *values]

    def content(self) -> Content:
        return self.scalars, {name: values for name, values in self.lists.items() if values}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.usefixtures("small_pages")
def test_a_session_of_many_pages_is_copied_while_it_is_written_to(tree: Tree, seed: int) -> None:
    model = Model(seed)
    for _ in range(60):
        model.change(tree)

    tree.hook = changes_at_each_call(tree, lambda: model.change(tree))
    tree.offload("edge-a")
    tree.hook = as_usual
    assert tree.calls.count("GET edge-a/migrate-session") > 2
    assert read(tree, "city", NAMES, NAMES) == model.content()
    assert tree.leftovers() == {}
    size = tree.node("city").store.residents.load().size
    tree.onload("edge-a")
    assert read(tree, "edge-a", NAMES, NAMES) == model.content()
    assert tree.node("edge-a").store.residents.load().size == pytest.approx(size, rel=0.1)


def test_a_copy_begins_anew_when_its_source_has_forgotten_deletions(tree: Tree) -> None:
    doomed = {str(n): "x" for n in range(DELETIONS_KEPT + 1)}
    write(tree, dict(doomed), {})
    write(tree, {}, {"ballast": appended(*[b"x" * 256 * KIB] * 12)})
    at_call(tree, 3, lambda: write(tree, dict.fromkeys(doomed), {}))
    tree.offload("edge-a")
    scalars, lists = read(tree, "city", list(doomed), ["ballast"])
    assert (scalars, len(lists["ballast"])) == ({}, 12)
    assert tree.leftovers() == {}


def test_a_large_list_that_grows_between_pages_has_no_gap(tree: Tree) -> None:
    elements = [b"%d" % n * 30 * KIB for n in range(60)]
    write(tree, {}, {"list": appended(*elements[:20])})
    write(tree, {"ballast": b"x" * 1100 * KIB}, {"other": appended(*elements[:30])})
    at_call(tree, 2, lambda: write(tree, {}, {"list": appended(*elements[20:40])}))
    tree.offload("edge-a")
    write(tree, {}, {"list": appended(*elements[40:])})
    assert read(tree, "city", [], ["list", "other"])[1] == {
        "list": elements,
        "other": elements[:30],
    }


def test_the_source_serves_while_it_is_copied_and_until_its_writers_wait(tree: Tree) -> None:
    write(tree, {"ballast": b"x" * 1100 * KIB}, {"other": appended(b"x" * 1100 * KIB)})
    writers, readers = list[int](), list[int]()

    def call_twice() -> None:
        writers.append(tree.call("edge-a", query="word=x").status)
        readers.append(tree.call("edge-a", "reader").status)

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        if call.function != "migrate-session":
            return deliver()
        call_twice()
        response = deliver()
        call_twice()
        return response

    tree.hook = hook
    tree.offload("edge-a")
    tree.hook = as_usual
    assert writers.index(503) > 2
    assert set(writers[writers.index(503) : -1]) == {503}
    assert (writers[-1], readers[-1]) == (307, 307)
    assert len(tree.words("edge-a")) == writers.count(200)


@pytest.mark.parametrize(("size", "is_much"), [(MIB // 2, False), (3 * MIB, True)])
def test_more_than_a_page_is_copied_before_writers_wait(
    tree: Tree, size: int, is_much: bool
) -> None:
    write(tree, {"c": "x"}, {})
    known = offered(tree)
    write(tree, {"a": b"x" * (size // 3), "b": b"x" * (size // 3), "d": b"x" * (size // 3)}, {})
    write(tree, {"c": "y"}, {})
    assert (held(tree, known).difference is None) == is_much
    assert (tree.call("edge-a").status == 200) == is_much


@pytest.mark.parametrize("hold", list(Hold))
def test_writers_wait_only_where_that_was_asked_for(tree: Tree, hold: Hold) -> None:
    write(tree, {"c": "x"}, {})
    known = offered(tree)
    write(tree, {"c": "y"}, {})
    assert held(tree, known, hold).difference is not None
    assert tree.call("edge-a", "reader").status == 200
    assert (tree.call("edge-a").status == 200) == (hold is Hold.NO)


@pytest.mark.parametrize("value", ["two", None])
def test_what_is_written_just_before_the_hold_is_sent(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """The difference is read again once nobody writes any more."""
    write(tree, {"a": "one", "b": "one"}, {"list": appended("one")})
    known = offered(tree)
    write(tree, {"b": "two"}, {})
    hold = SourceStore.hold

    def late(store: SourceStore, ask: Ask) -> None:
        monkeypatch.undo()
        write(tree, {"a": value}, {"list": appended("two")})
        hold(store, ask)

    monkeypatch.setattr(SourceStore, "hold", late)
    changed = held(tree, known)
    assert changed.difference is not None
    assert changed.version == changed.difference.version > known.version
    values = {i.key: decode(i.value) for i in changed.difference.items if isinstance(i, Scalar)}
    assert values == {"b": "two"} | ({} if value is None else {"a": value})
    (part,) = [i for i in changed.difference.items if isinstance(i, ListPart)]
    assert part.values[-1] == b"stwo"


def test_a_session_that_nobody_writes_to_is_read_once(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree, {"a": "one"}, {})
    reads, pages = [0], PageStore._pages

    def counted(*arguments: Any) -> Any:
        reads[0] += 1
        return pages(*arguments)

    monkeypatch.setattr(PageStore, "_pages", counted)
    tree.offload("edge-a")
    assert reads == [1]


@pytest.mark.usefixtures("small_pages")
def test_a_writer_that_is_faster_than_the_copy_does_not_keep_it_from_its_end(tree: Tree) -> None:
    written = {str(n): "x" for n in range(20)}
    write(tree, dict(written), {})

    def hook(call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if call.method == "GET":  # each page has four items, and four more are written
            more = {f"{len(written)}-{n}": "x" for n in range(4)}
            write(tree, dict(more), {})
            written.update(more)
        return deliver()

    tree.hook = hook
    tree.offload("edge-a")
    assert tree.calls.count("GET edge-a/migrate-session") < 200
    assert read(tree, "city", list(written), [])[0] == written
    assert tree.leftovers() == {}


def test_pages_travel_as_messagepack_and_the_seeds_answer_stays_json(tree: Tree) -> None:
    write(tree, {"bytes": b"\x00\xff", "text": "\U0001f6d2"}, {"list": appended(b"\xfe", "x")})
    types = list[str]()

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        response = deliver()
        if call.function == "migrate-session":
            types.append(response.content_type)
        return response

    tree.hook = hook
    packet = tree.node("city").peers.page("edge-a", "s", Since())
    tree.offload("edge-a")
    assert types == ["application/vnd.edgedb.packet+msgpack"] * 2
    assert read(tree, "city", ["bytes", "text"], ["list"]) == (
        {"bytes": b"\x00\xff", "text": "\U0001f6d2"},
        {"list": [b"\xfe", "x"]},
    )
    assert from_msgpack(to_msgpack([packet])) == [packet]
    assert sorted(entries(packet), key=lambda entry: entry["key"]) == [
        {"key": "bytes", "data": "AP8=", "encoding": "base64"},
        {
            "key": "list",
            "born": 3,
            "start": 0,
            "data": [{"data": "/g==", "encoding": "base64"}, "x"],
        },
        {"key": "text", "data": "\U0001f6d2"},
    ]


LARGE = {"text": "\N{SHOPPING TROLLEY}" * 300 * KIB, "bytes": b"\x00\xff" * 400 * KIB}


def test_a_large_value_is_moved_in_pieces_while_it_is_replaced(tree: Tree) -> None:
    write(tree, dict(LARGE), {"list": appended(*LARGE.values())})
    shorter = {"text": LARGE["text"][: 100 * KIB], "bytes": "small now"}
    at_call(tree, 3, lambda: write(tree, dict(shorter), {}))
    tree.offload("edge-a")
    assert read(tree, "city", ["text", "bytes"], ["list"]) == (
        shorter,
        {"list": list(LARGE.values())},
    )
    size = tree.node("city").store.residents.load().size
    assert size < 4 * sum(len(value) for value in LARGE.values())
    assert tree.leftovers() == {}


def test_the_seeds_whole_packet_has_large_values_in_one_piece(tree: Tree) -> None:
    write(tree, dict(LARGE), {"list": appended(*LARGE.values())})
    packet = tree.node("edge-a").store.source.whole("s", 0)
    values = {i.key: decode(i.value) for i in packet.items if isinstance(i, Scalar)}
    (part,) = [i for i in packet.items if isinstance(i, ListPart)]
    assert (values, list(map(decode, part.values))) == (LARGE, list(LARGE.values()))
    assert all(
        set(entry) <= {"key", "data", "encoding", "born", "start"} for entry in entries(packet)
    )


def entries(packet: SessionPacket) -> list[dict[str, Any]]:
    """Give the ``session_data``."""
    data: list[dict[str, Any]] = packet.to_json()["session_data"]
    return data
