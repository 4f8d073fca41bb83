"""What ``test-function`` answers is written and read by the same few lines."""

from __future__ import annotations

import re

import pytest

from edgedb.errors import BadRequest
from edgedb.wire.whereabouts import offloaded, offloaded_to
from tests.hostile.document import DOCUMENT


@pytest.mark.parametrize(
    ("to", "text"), [(None, "offloaded: no"), ("city-1", "offloaded: yes (city-1)")]
)
def test_it_is_the_text_of_the_protocol_and_of_the_document(to: str | None, text: str) -> None:
    assert (offloaded(to), offloaded_to(text)) == (text, to)
    answer = DOCUMENT["paths"]["/function/test-function"]["get"]["responses"]["200"]
    assert re.search(answer["content"]["text/plain"]["schema"]["pattern"], text)


@pytest.mark.parametrize(
    "text", ["", "offloaded: no\n", "offloaded: yes", "offloaded: yes ()", "offloaded: yes (a) (b)"]
)
def test_anything_else_says_nothing(text: str) -> None:
    with pytest.raises(BadRequest, match="does not say where"):
        offloaded_to(text)
