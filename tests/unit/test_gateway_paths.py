"""Paths are cleaned and split as the real gateway's router does."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from edgectl.local.gateway import paths


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("//", "/"),
        ("//a//b///", "/a/b/"),
        ("/a/./b/.", "/a/b"),
        ("/a/../b", "/b"),
        ("/../..", "/"),
        ("/a/..b/.c/d..", "/a/..b/.c/d.."),
    ],
)
def test_segments_without_a_meaning_go(path: str, cleaned: str) -> None:
    assert paths.clean(path) == cleaned


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/function/cart", ("cart", "/")),
        ("/function/cart/", ("cart", "/")),
        ("/function/cart/a/b", ("cart", "/a/b")),
        ("/function/cart.openfaas-fn/a", ("cart.openfaas-fn", "/a")),
        ("/function/cart/a\nb", ("cart", "/a\nb")),
        ("/function/", None),
        ("/function/a b", None),
        ("/async-function/cart", None),
        ("/", None),
    ],
)
def test_a_function_is_named_by_the_second_segment(
    path: str, function: tuple[str, str] | None
) -> None:
    assert paths.split(path) == function


@given(st.binary())
def test_every_byte_survives_encoding_and_decoding(raw: bytes) -> None:
    assert paths.decode(paths.encode(raw.decode("latin-1"))) == raw.decode("latin-1")


@pytest.mark.parametrize("path", ["/%", "/%2", "/%zz", "/a%g0"])
def test_a_malformed_escape_is_none(path: str) -> None:
    assert paths.decode(path) is None
