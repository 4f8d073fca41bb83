"""Variables of a stack file are replaced as faas-cli replaces them."""

from __future__ import annotations

import pytest

from edgectl.errors import InvalidStack
from edgectl.stack.substitution import substitute

VARIABLES = {"SET": "value", "EMPTY": "", "TRICKY": "${SET} $$ \\/"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ${SET} b", "a value b"),
        ("${SET}${SET}", "valuevalue"),
        ("${UNSET}", ""),
        ("${UNSET:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${SET:-default}", "value"),
        ("${UNSET:-}", ""),
        ("${UNSET:-http://a:80/x-y}", "http://a:80/x-y"),
        ("${UNSET:-${SET}s}", "values"),
        ("${SET:-${UNSET:-b}}", "value"),
        ("# ${UNSET:-in a comment}", "# in a comment"),
        ("$SET $ {SET} }", "$SET $ {SET} }"),
        ("$${SET}", "${SET}"),
        (r"a\\b a\/b a\nb", r"a\b a/b a\nb"),
        ("${TRICKY}", "${SET} $$ \\/"),
        ("", ""),
    ],
)
def test_references_are_replaced_everywhere(text: str, expected: str) -> None:
    assert substitute(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "reference",
    ["${SET-x}", "${SET:+x}", "${SET+x}", "${SET:=x}", "${SET:1:2}", "${#SET}", "${SET^^}", "${1}"],
)
def test_other_forms_are_refused_with_their_line(reference: str) -> None:
    with pytest.raises(InvalidStack, match="line 3: "):
        substitute(f"a: 1\nb: 2\n# {reference}\n", VARIABLES)


@pytest.mark.parametrize("text", ["${", "${SET", "${UNSET:-a", "${UNSET:-${SET}"])
def test_an_open_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidStack, match="line 1: "):
        substitute(text, VARIABLES)
