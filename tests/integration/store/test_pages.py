"""What the pages of a copy carry: everything, once it is read to the end; then what is new."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from edgedb.errors import SessionBusy, TooLarge
from edgedb.store import pages
from edgedb.store.limits import DELETIONS_KEPT
from edgedb.store.staging import ListLedger
from edgedb.wire.items import Deleted, Item, ListPart, Scalar, StoredReply
from edgedb.wire.model import VERSION_LIMIT, Value
from edgedb.wire.packet import Cursor, SessionPacket, Since, Within
from edgedb.wire.pieces import decode, joined, scalars_of
from tests.integration.store.steps import Place
from tests.support import strategies

MIB = 2**20

names = st.sampled_from(["a", "b", "c", "d", "e"])


def walk(place: Place, most_items: int = pages.PAGE_ITEMS) -> list[SessionPacket]:
    """Read a session page by page, and what they leave out of lists, to the end."""
    packets, left, ledger = list[SessionPacket](), list[Cursor]([Since()]), ListLedger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "PAGE_ITEMS", most_items)
        while left:
            packet = place.store.source.page("s", left.pop())
            packets.append(packet)
            if packet.next is not None:
                left.append(Since(packet.next))
            left += ledger.stage(packet.items)[1]
    return packets


def collected(packets: list[SessionPacket]) -> tuple[dict[str, Value], dict[str, list[Value]]]:
    """Put the items of several packets together, as a destination does."""
    scalars, lists = dict[tuple[str, int], bytes](), dict[str, list[bytes]]()
    for item in itertools.chain.from_iterable(packet.items for packet in packets):
        if isinstance(item, Scalar):
            scalars[item.key, item.piece] = item.value
        elif isinstance(item, ListPart) and item.start <= len(lists.get(item.key, [])):
            lists[item.key] = [*lists.get(item.key, [])[: item.start], *item.values]
    whole = scalars_of((*place, piece) for place, piece in scalars.items())
    return (
        {key: decode(stored) for key, stored in whole.items()},
        {name: list(map(decode, joined(pieces))) for name, pieces in lists.items()},
    )


def items(packet: SessionPacket) -> set[Item]:
    """Give a packet's items, in no order."""
    return set(packet.items)


@strategies.quick
@given(
    st.dictionaries(names, strategies.values),
    st.dictionaries(names, st.lists(strategies.values, min_size=1, max_size=3)),
    st.integers(1, 4),
)
def test_pages_of_any_size_add_up_to_the_whole_session(
    edge: Place, scalars: dict[str, Value], lists: dict[str, list[Value]], most: int
) -> None:
    edge.empty()
    edge.write(scalars, lists)
    packets = walk(edge, most)
    assert all(len(packet.items) <= most for packet in packets)
    assert collected(packets) == (scalars, lists)


def test_a_page_has_the_token_and_the_sessions_version(edge: Place) -> None:
    edge.write({"x": "1", "y": b"2"}, {"words": ["one", b"two"]}, key="key", reply=b"reply")
    packet = edge.page()
    assert packet.token == edge.token()
    assert items(packet) == {
        Scalar("x", b"s1"),
        Scalar("y", b"b2"),
        ListPart("words", packet.version - 1, 0, (b"sone", b"btwo")),
    }
    assert [reply.key for reply in packet.replies] == ["key"]
    assert (packet.next, packet.floor) == (None, 0)


def test_since_a_version_only_what_changed_is_sent(edge: Place) -> None:
    edge.write({"x": "1", "y": "1"}, {"a": ["a0"], "b": ["b0"]}, key="k1", reply=b"r1")
    since = edge.page().version
    edge.write({"y": "2", "z": "1"}, {"b": ["b1", "b2"]}, key="k2", reply=b"r2")
    packet = edge.page(since)
    born = next(i.born for i in edge.page().items if isinstance(i, ListPart) and i.key == "b")
    assert items(packet) == {
        Scalar("y", b"s2"),
        Scalar("z", b"s1"),
        ListPart("b", born, 0, (b"sb0", b"sb1", b"sb2")),
    }
    assert [reply.key for reply in packet.replies] == ["k2"]


def test_of_a_large_list_only_the_new_end_is_sent_of_a_small_one_all_of_it(edge: Place) -> None:
    large = "x" * pages.WHOLE_LIST_BYTES
    edge.write(appended={"large": [large], "small": ["x"]})
    since = edge.page().version
    edge.write(appended={"large": ["new"], "small": ["new"]})
    parts = [(part.key, part.start, part.values) for part in list_parts(edge.page(since))]
    assert sorted(parts) == [("large", 1, (b"snew",)), ("small", 0, (b"sx", b"snew"))]


def list_parts(packet: SessionPacket) -> list[ListPart]:
    """Give the parts of lists in a packet."""
    return [item for item in packet.items if isinstance(item, ListPart)]


def test_since_a_version_deletions_are_sent_too_unless_undone(edge: Place) -> None:
    edge.write({"x": "1", "y": "1"}, {"a": ["a0"], "b": ["b0"]})
    since = edge.page().version
    edge.write({"x": None, "y": None}, replaced={"a": [], "b": []})
    edge.write({"y": "again"})
    edge.write(appended={"b": ["anew"]})
    packet = edge.page(since)
    assert items(packet) == {
        Deleted("x", "scalar"),
        Deleted("a", "list"),
        Scalar("y", b"sagain"),
        ListPart("b", packet.version, 0, (b"sanew",)),
    }


def test_a_list_begun_anew_is_sent_whole_with_another_birth(edge: Place) -> None:
    edge.write(appended={"a": ["a0", "a1", "a2"]})
    first = edge.page()
    edge.write(replaced={"a": ["b0"]})
    (before,), (after,) = first.items, edge.page(first.version).items
    assert isinstance(before, ListPart)
    assert isinstance(after, ListPart)
    assert (after.start, after.values, after.born > before.born) == (0, (b"sb0",), True)


def test_a_list_larger_than_a_page_is_cut_and_goes_on(edge: Place) -> None:
    elements = [bytes([n]) * (MIB // 2) for n in range(5)]
    edge.write({"x": "1"}, {"a": elements})
    edge.write({"y": "1"})
    packets = walk(edge)
    assert len(packets) > 2
    assert collected(packets) == ({"x": "1", "y": "1"}, {"a": elements})
    assert all(sum(_size(item) for item in p.items) < 2 * MIB for p in packets)


def _size(item: Any) -> int:
    return sum(map(len, item.values)) if isinstance(item, ListPart) else 0


def test_a_large_element_is_sent_in_pieces(edge: Place) -> None:
    elements = [b"x" * (3 * MIB), "\N{SHOPPING TROLLEY}" * MIB]
    edge.write(appended={"a": elements})
    packets = walk(edge)
    assert all(_size(item) < 2 * MIB for packet in packets for item in packet.items)
    assert collected(packets)[1] == {"a": elements}


@pytest.mark.parametrize("known", [0, 1, 2, 3, 31, 32, 33, 99, 100])
def test_the_new_end_of_a_list_is_found_however_long_it_is(
    edge: Place, known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WHOLE_LIST_BYTES", 0)
    edge.write({"x": "1"}, {"a": [str(n) for n in range(known)]} if known else {})
    since = edge.page().version
    for n in range(known, 100):
        edge.write(appended={"a": [str(n)]})
    assert [(p.start, p.values) for p in list_parts(edge.page(since))] == (
        [(known, tuple(b"s%d" % n for n in range(known, 100)))] if known < 100 else []
    )


LARGE, PIECE = b"x" * 4 * MIB, b"x" * (MIB // 4)
SHAPES: dict[str, dict[str, Any]] = {
    "elements-of-a-piece": {"appended": {"a": [PIECE] * 64}},
    "elements-of-pieces": {"appended": {"a": [LARGE] * 4}},
    "values": {"scalars": {str(n): LARGE for n in range(4)}},
    "small-and-large": {"scalars": {str(n): LARGE if n % 40 == 39 else "y" for n in range(160)}},
}


@pytest.mark.parametrize("written", SHAPES.values(), ids=SHAPES.keys())
def test_no_command_asks_for_much_more_than_a_page(edge: Place, written: dict[str, Any]) -> None:
    edge.write(**written)
    since = edge.page(VERSION_LIMIT - 1).version
    with edge.client.monitor() as monitor:
        assert collected(walk(edge)) == (written.get("scalars", {}), written.get("appended", {}))
        edge.write(appended={"a": ["new"]})
        edge.page(since)
        edge.client.echo("end")
        asked = [items_of(line["command"]) for line in monitored(monitor, "ECHO end")]
    assert 0 < max(asked) * len(PIECE) <= 4 * MIB


def monitored(monitor: Any, end: str) -> Iterator[dict[str, str]]:
    """Give what a server was told to do, up to a command."""
    return itertools.takewhile(lambda line: line["command"] != end, monitor.listen())


def items_of(command: str) -> int:
    """Give how many elements, or values, a command asks for."""
    name, *words = command.split(" ")
    if name.upper() == "LRANGE":
        return int(words[2]) - int(words[1]) + 1
    return len(words) - 1 if name.upper() == "HMGET" and words[0].endswith(":scalars") else 0


def test_a_list_that_vanishes_while_it_is_being_sent_is_reported_deleted_later(edge: Place) -> None:
    edge.write(appended={"a": [b"x" * MIB] * 3})
    first = edge.page()
    (part,) = list_parts(first)
    assert part.more
    edge.write(replaced={"a": []})
    second = edge.store.source.page("s", Within("a", part.end))
    assert (second.items, second.next) == ((), None)
    assert edge.page(first.version).items == (Deleted("a", "list"),)


def test_what_changes_during_a_walk_comes_again_later(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_ITEMS", 2)
    edge.write(dict.fromkeys("abcde", "old"))
    packets = [edge.page()]
    edge.write(dict.fromkeys("abcde", "new"))
    while packets[-1].next is not None:
        packets.append(edge.page(packets[-1].next))
    assert collected(packets)[0] == dict.fromkeys("abcde", "new")


def test_a_page_says_up_to_which_version_deletions_are_forgotten(edge: Place) -> None:
    doomed = [str(n) for n in range(DELETIONS_KEPT + 1)]
    edge.write({"kept": "x", **dict.fromkeys(doomed, "x")})
    early = edge.page().version
    edge.write(dict.fromkeys(doomed))
    assert edge.page(early).floor > early
    late = edge.page()
    assert (late.floor <= late.version, items(late)) == (True, {Scalar("kept", b"sx")})
    assert edge.page(late.version).floor <= late.version


def test_a_whole_packet_is_of_one_moment(edge: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.write({"x": "1"})
    read, writes = edge.store.source._page, iter(["2", "3"])

    def interrupted(*arguments: Any) -> SessionPacket:
        packet = read(*arguments)
        for value in itertools.islice(writes, 1):
            edge.write({"x": value})
        return packet

    monkeypatch.setattr(edge.store.source, "_page", interrupted)
    packet = edge.store.source.whole("s", 0)
    assert (packet.items, packet.version) == ((Scalar("x", b"s3"),), edge.page().version)


def test_a_session_written_to_without_pause_has_no_whole_packet(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.write({"x": "1"})
    read = edge.store.source._page

    def interrupted(*arguments: Any) -> SessionPacket:
        packet = read(*arguments)
        edge.write({"x": "2"})
        return packet

    monkeypatch.setattr(edge.store.source, "_page", interrupted)
    with pytest.raises(SessionBusy):
        edge.store.source.whole("s", 0)


def test_a_session_over_the_limit_has_pages_but_no_whole_packet(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PACKET_BYTES", 1000)
    edge.write({"x": "x" * 1000, "y": "1"})
    with pytest.raises(TooLarge):
        edge.store.source.whole("s", 0)


def test_a_reply_is_carried_with_the_end_of_its_life(edge: Place) -> None:
    edge.write(key="key", reply=b"reply")
    (reply,) = edge.page().replies
    assert reply == StoredReply("key", edge.client.hget("edge:{s}:replies", "key"))
