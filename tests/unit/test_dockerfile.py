"""What a template's image sets is read from its Dockerfile."""

from __future__ import annotations

import pytest

from edgectl.stack.dockerfile import image_environment


@pytest.mark.parametrize(
    ("dockerfile", "environment"),
    [
        ("", {}),
        ("FROM x\nRUN env\n", {}),
        ("FROM x\nENV A=1 B=2\nENV C=3\n", {"A": "1", "B": "2", "C": "3"}),
        ('FROM x\nENV A="a b" \\\n  # a comment\n  B=c\\ d\n', {"A": "a b", "B": "c d"}),
        ("FROM x\nenv A  a b c\n", {"A": "a b c"}),
        ("FROM x\nENV A=1\nENV A=2\n", {"A": "2"}),
        ("ARG V=3\nFROM x:${V}\nARG W=4\nENV A=$V-${W} B=${U:-5}${U}\n", {"A": "3-4", "B": "5"}),
        ("FROM x\nENV A=1\nENV B=$A/b:${A}\n", {"A": "1", "B": "1/b:1"}),
        ("FROM x AS a\nENV A=1\nFROM y AS b\nENV B=2\n", {"B": "2"}),
        ("FROM x AS a\nENV A=1\nFROM --platform=p a AS b\nENV B=2\nFROM b\n", {"A": "1", "B": "2"}),
        ("FROM x as a\nENV A=1\nFROM y\nENV B=2\nFROM A\n", {"A": "1"}),
    ],
)
def test_the_last_stage_has_what_its_stages_set(
    dockerfile: str, environment: dict[str, str]
) -> None:
    assert image_environment(dockerfile) == environment
