"""I1 to I7 of ``docs/protocol.md``, as they are to hold when a schedule is over."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence

from tests.protocol.exploration.client import Client, LostTrack
from tests.protocol.exploration.history import History, Outcome, Read, Write
from tests.protocol.exploration.losses import Lost
from tests.protocol.exploration.world import World
from tests.support import snapshot
from tests.support.snapshot import NodeState, SessionState, left_over


def check(world: World, histories: Sequence[History]) -> list[str]:
    """Name everything that is not as it must be; the sessions are used on the way."""
    states = {at: snapshot.read(client) for at, client in world.stage.clients.items()}
    if world.stage.stores.lost:
        _ignore_last_copies(states)
    problems = [f"I5: {at}: {p}" for at, state in states.items() for p in _untidy(at, state)]
    for history in histories:
        try:
            for problem in _kept(world, history, _residents(history, states)):
                problems.append(f"{problem} ({history.session} of {history.home})")
        except LostTrack as error:
            problems.append(str(error))
    return problems


def _ignore_last_copies(states: dict[str, NodeState]) -> None:
    """Take no notice of what was to arrive from a store that is lost: the doctor is asked."""
    there = {
        n for at, s in states.items() for n, each in s.sessions.items() if each.is_resident(at)
    }
    for state in states.values():
        for name in [n for n, each in state.sessions.items() if each.arrival and n not in there]:
            del state.sessions[name]
            state.indexes.get("edge:arrivals", {}).pop(name, None)


def _kept(world: World, history: History, residents: list[str]) -> Iterator[str]:
    lost = [each for each in world.stage.stores.lost if each.may_have_taken(history.session)]
    if not lost:
        yield from _of_session(world, history, residents)
    elif len(residents) > 1:
        yield f"I1: the session lives at {residents}"
    else:
        yield from _deleted(world, history, lost)
        yield from _use(world.client(history), history)


def _deleted(world: World, history: History, lost: Sequence[Lost]) -> Iterator[str]:
    """I7: what was acknowledged, and is elsewhere when a store is lost, is set aside at worst."""
    done = {write.word for write in history.writes if write.outcome is Outcome.DONE}
    there = frozenset.intersection(*(each.words for each in lost))
    if gone := (done & there) - world.stage.stores.words():
        yield f"I7: {sorted(gone)} were acknowledged and not lost, and are deleted"


def _of_session(world: World, history: History, residents: list[str]) -> Iterator[str]:
    if not residents and all(write.outcome is not Outcome.DONE for write in history.writes):
        return
    if len(residents) != 1:
        yield f"I1: the session lives at {residents or 'no place'}"
        return
    client = world.client(history)
    yield from _redirects(world, history, residents[0])
    yield from _repeats(client, history)
    yield from _contents(client, history)
    yield from _untold(world, history) if not world.stage.stores.lost else ()
    yield from _use(client, history)


def _residents(history: History, states: dict[str, NodeState]) -> list[str]:
    return [
        at
        for at, state in states.items()
        if (session := state.sessions.get(history.session))
        and session.is_resident(at)
        and session.meta["proprietary"] == history.home
    ]


def _untidy(at: str, state: NodeState) -> Iterator[str]:
    """I5: nothing is left over, indexes, sums and a resident's own books agree."""
    yield from left_over(at, state)
    for name, session in state.sessions.items():
        if session.is_resident(at):
            yield from (f"{name}: {problem}" for problem in _inconsistent(session))


def _inconsistent(session: SessionState) -> Iterator[str]:
    """Compare a resident's own books."""
    kept = {name: session.meta[name] for name in session.books}
    if kept != session.books:
        yield f"it is weighed by {kept}, not {session.books}"
    items = {f"s{name}" for name in session.scalars} | {f"l{name}" for name in session.lists}
    if set(session.versions) != items:
        yield f"versions are kept of {sorted(session.versions)}, not of {sorted(items)}"
    if max(session.versions.values(), default=0) > int(session.meta["version"]):
        yield "an item is newer than the session"
    for key, pieces in session.pieces.items():
        *others, (_, last) = pieces
        is_whole = [number for number, _ in pieces] == list(range(len(pieces)))
        if not is_whole or last[:1].isupper() or not all(p[:1].isupper() for _, p in others):
            yield f"the pieces of {key} are {pieces}"
    numbers = {name: int(entry.split()[0]) for name, entry in session.lists.items()}
    if sorted(numbers.values()) != sorted(session.elements):
        yield f"the lists {numbers} are kept under {sorted(session.elements)}"
    for name, entry in session.lists.items():
        if int(entry.split()[1]) != session.list_size(name):
            yield f"the list {name} takes {session.list_size(name)} bytes, not {entry.split()[1]}"


def _redirects(world: World, history: History, resident: str) -> Iterator[str]:
    """I4, and more: when all messages are delivered, home knows where the session is."""
    if history.home == resident or world.stage.stores.lost:  # with what it had been told
        return
    response = world.tree.call(history.home, "reader", history.session)
    target = dict(response.headers).get("X-session-location")
    if (response.status, target) != (307, resident):
        yield f"I4: home answers {response.status} {target}, the session is at {resident}"


def _repeats(client: Client, history: History) -> Iterator[str]:
    """I3: every repeat gets the first answer, whenever it comes."""
    answers: dict[str, set[bytes]] = {}
    for write in history.writes:
        if write.key:
            outcome = client.attempt(write)
            if outcome is not Outcome.DONE:
                yield f"I3: the repeat of {write.word} is {outcome.name}"
            answers.setdefault(write.key, set()).update(write.answers)
    yield from (f"I3: {key} was answered {a}" for key, a in answers.items() if len(a) > 1)


def _contents(client: Client, history: History) -> Iterator[str]:
    """I2 and I3: each word is there as its client was told: once, in its place, or not at all."""
    reads, end = list(history.reads), client.read()
    if end is None:
        yield "I5: the session cannot be read"
        return
    words = end.words
    if len(set(words)) != len(words):
        yield f"I3: a word is there twice: {words}"
    if (end.count, end.last) != (len(words), words[-1] if words else None):
        yield f"I2: {end.count} words are counted, {end.last} is the last of {words}"
    for write in history.writes:
        if write.outcome is Outcome.DONE and words[write.position - 1 :][:1] != [write.word]:
            yield f"I2: {write.word} was acknowledged as number {write.position} of {words}"
        if write.outcome is Outcome.REFUSED and write.word in words:
            yield f"I6: {write.word} was refused and is there"
    yield from _out_of_order(history.writes)
    for read in reads:
        yield from _misread(read, words, history.writes)


def _out_of_order(writes: Sequence[Write]) -> Iterator[str]:
    done = [w for w in writes if w.outcome is Outcome.DONE]
    for early, late in itertools.permutations(done, 2):
        if early.ended < late.began and early.position >= late.position and early.key != late.key:
            yield f"I2: {late.word} began after {early.word} ended and is before it"


def _misread(read: Read, words: list[str], writes: Sequence[Write]) -> Iterator[str]:
    """I2 for readers: they see a state that was there, with all that was acknowledged before."""
    seen = read.words
    if (seen, read.count, read.last) != (words[: len(seen)], len(seen), [None, *words][len(seen)]):
        yield f"I2: a reader saw {read.count} words, {seen}, {read.last} the last, of {words}"
    done = {w.word for w in writes if w.outcome is Outcome.DONE and w.ended < read.began}
    if not done <= set(seen):
        yield f"I2: a reader did not see {done - set(seen)}"


def _untold(world: World, history: History) -> Iterator[str]:
    """I2 and I3 for propagated values: each word counts once at the root."""
    words = set(history.reads[-1].words) if history.reads else set()
    for write in history.writes:
        response = world.tree.call("cloud", "tally", query=f"word={write.word}")
        if response.status != 200:
            yield f"I5: the root does not serve: {response.body!r}"
            return
        told = json.loads(response.body)["count"]
        if told != (write.word in words):
            yield f"I3: {write.word} was propagated {told} times"


def _use(client: Client, history: History) -> Iterator[str]:
    """I5: the session serves."""
    word = f"{history.session}.{history.home}.{history.moment()}"
    if client.write(word, attempts=1).outcome is not Outcome.DONE:
        yield "I5: the session cannot be written to"
    else:
        end = client.read()
        if end is None or end.words[-1] != word:
            yield f"I5: what is written after the recovery is not there: {end}"
