"""What clients and other nodes may say, as hypothesis strategies."""

from __future__ import annotations

from hypothesis import HealthCheck, settings, strategies as st

from edgedb.wire.hand_over import Ask, Changed, Ended, Handed
from edgedb.wire.items import Deleted, Item, ListPart, Scalar, StoredReply
from edgedb.wire.model import VERSION_LIMIT, Propagation, SessionToken, Update
from edgedb.wire.packet import Offer, SessionPacket
from edgedb.wire.pieces import PIECES_LIMIT, encoded

quick = settings(
    max_examples=40,
    # servers are emptied by the tests themselves
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

texts = st.text(max_size=20)  # every character but unpaired surrogates
values = texts | st.binary(max_size=20)
whole = values.map(lambda value: encoded(value)[0])
pieces = whole | whole.map(lambda stored: stored[:1].upper() + stored[1:])
"""As they are stored."""
versions = st.integers(0, VERSION_LIMIT - 1)
session_ids = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=256
).filter(lambda text: text == text.strip() and ", " not in text)

tokens = st.builds(
    SessionToken,
    session=session_ids,
    proprietary_location=texts,
    current_location=texts,
    function=texts,
    epoch=versions,
)
propagations = st.builds(
    Propagation.of, id=texts, to=texts, function=texts, value=values, origin=texts
)
messages = propagations | st.builds(Update, to=texts, token=tokens)

offers = st.builds(Offer, stay=texts, run=texts)
asks = st.builds(
    Ask,
    session=session_ids,
    transfer=texts,
    epoch=versions,
    stay=texts,
    run=texts,
    version=versions,
)
items = (
    st.builds(Scalar, key=texts, value=pieces, piece=st.integers(0, PIECES_LIMIT - 1))
    | st.builds(
        ListPart,
        key=texts,
        born=versions,
        start=versions,
        values=st.lists(pieces, max_size=4).map(tuple),
        more=st.booleans(),
    )
    | st.builds(Scalar, key=texts, value=whole, piece=st.just(0))
    | st.builds(Deleted, key=texts, kind=st.sampled_from(["scalar", "list"]))
)


def _place(item: Item) -> object:
    """Give what a packet has once."""
    return (item.key, item.piece) if isinstance(item, Scalar) else id(item)


replies = st.builds(StoredReply, key=texts, blob=st.binary(max_size=20))
packets = st.builds(
    SessionPacket,
    token=tokens,
    version=versions,
    items=st.lists(items, max_size=4, unique_by=_place).map(tuple),
    replies=st.lists(replies, max_size=2).map(tuple),
    offer=offers,
    next=st.none() | versions,
    floor=versions,
)
answers = (
    st.builds(Handed, versions)
    | st.builds(Changed, versions, difference=st.none() | packets)
    | st.builds(Ended, texts, versions)
)
