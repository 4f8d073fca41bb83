"""Stack files are read as faas-cli reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgectl.errors import InvalidStack
from edgectl.infrastructure import default_tree
from edgectl.stack import reading
from edgectl.stack.reading import Function

HEADER = "provider: {name: openfaas}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test writes its stack file."""
    return tmp_path / "stack.yml"


def read(file: Path, text: str, **variables: str) -> dict[str, Function]:
    """Read a stack file of the given text."""
    file.write_text(text, encoding="utf-8")
    return reading.load([file], variables)


def one(file: Path, keys: str) -> Function:
    """Read the one function with these further keys."""
    text = f"{HEADER}functions:\n  f:\n    lang: plain\n    handler: ./f\n{keys}"
    return read(file, text)["f"]


def test_paths_are_taken_from_here_or_else_from_around_the_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project in ("here", "there"):
        (tmp_path / project / "template" / "plain").mkdir(parents=True)
        (tmp_path / project / "f").mkdir()
    file = tmp_path / "there" / "deep" / "stack.yml"
    file.parent.mkdir()
    monkeypatch.chdir(tmp_path)
    assert one(file, "").project == tmp_path / "there"
    monkeypatch.chdir(tmp_path / "here")
    assert one(file, "").handler == tmp_path / "here" / "f"
    (tmp_path / "here" / "f").rmdir()
    assert one(file, "").handler == tmp_path / "there" / "f"


def test_everything_that_is_said_of_a_function_is_read(file: Path) -> None:
    functions = read(
        file,
        HEADER
        + """
configuration:
  copy: [shared]
functions:
  cart:
    lang: python3-http-edge
    handler: ./cart
    image: ${REGISTRY:-example}/cart
    fprocess: python other.py
    environment: {LOCATION_ID: "${LOCATION_ID}", HOST: "${PARENT_HOST:-}"}
    secrets: [edge-topology, api-key]
    labels: {edge.levels: leaf, com.openfaas.scale.min: "2"}
    annotations: {topic: cron-function}
    limits: {memory: 64Mi}
    a_typo: is ignored
""",
        LOCATION_ID="edge-a",
    )
    assert functions == {
        "cart": Function(
            name="cart",
            lang="python3-http-edge",
            handler=file.parent / "cart",
            environment={"LOCATION_ID": "edge-a", "HOST": ""},
            secrets=("edge-topology", "api-key"),
            labels={"edge.levels": "leaf", "com.openfaas.scale.min": "2"},
            annotations={"topic": "cron-function"},
            fprocess="python other.py",
            copied=("shared",),
            project=file.parent,
        )
    }
    assert functions["cart"].replicas == 2


def test_values_stay_the_text_they_are_written_as(file: Path) -> None:
    values = (
        "{RATIO: 1.50, FLAG: yes, MODE: 0644, DAY: 2026-01-02, NONE: ~, EMPTY: '', WORD: 'null'}"
    )
    assert one(file, f"    environment: {values}\n").environment == {
        "RATIO": "1.50",
        "FLAG": "yes",
        "MODE": "0644",
        "DAY": "2026-01-02",
        "NONE": "",
        "EMPTY": "",
        "WORD": "null",
    }


def test_anchors_and_merge_keys_work(file: Path) -> None:
    text = (
        HEADER
        + "x-base: &base {lang: plain, secrets: [a]}\n"
        + "functions:\n  f: {<<: *base, handler: ./f, secrets: [b]}\n"
    )
    function = read(file, text)["f"]
    assert (function.lang, function.secrets) == ("plain", ("b",))


def test_environment_files_win_and_are_not_substituted(file: Path) -> None:
    (file.parent / "more.yml").write_text("environment: {A: '${B}', C: 3}\n", encoding="utf-8")
    keys = "    environment: {A: 1, D: 4}\n    environment_file: [more.yml]\n"
    assert one(file, keys).environment == {"A": "${B}", "C": "3", "D": "4"}


def test_several_files_make_one_stack(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "stack.yml"
    other.parent.mkdir()
    read(other, HEADER + "functions: {g: {lang: plain, handler: ./g}}")
    read(file, HEADER + "functions: {f: {lang: plain, handler: ./f}}")
    functions = reading.load([file, other], {})
    assert [function.project for function in functions.values()] == [tmp_path, other.parent]
    with pytest.raises(InvalidStack, match=r"functions\.f: an earlier file has it too"):
        reading.load([file, file], {})


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (None, {"cloud", "city", "edge-a", "edge-b"}),
        ("all", {"cloud", "city", "edge-a", "edge-b"}),
        ("all-except-root", {"city", "edge-a", "edge-b"}),
        ("all-except-leafs", {"cloud", "city"}),
        ("leaf", {"edge-a", "edge-b"}),
    ],
)
def test_the_label_says_on_which_levels_it_is_deployed(
    file: Path, levels: str | None, expected: set[str]
) -> None:
    function = one(file, f"    labels: {{edge.levels: {levels}}}\n" if levels else "")
    tree = default_tree()
    assert {at.id for at in tree if function.is_deployed_at(at.id, tree)} == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("functions: {f: {lang: plain, handler: ./f}}", r"provider\.name must be 'openfaas'"),
        ("provider: {name: aws}", r"provider\.name must be 'openfaas', not 'aws'"),
        ("provider: openfaas", "provider must be a mapping, not 'openfaas'"),
        ("[1, 2]", "the file must be a mapping"),
        (HEADER, "functions is missing"),
        (HEADER + "functions: [f]", "functions must be a mapping"),
        (HEADER + "functions: {f: plain}", r"functions\.f must be a mapping, not 'plain'"),
        (HEADER + "functions: {f: {handler: ./f}}", r"functions\.f\.lang is missing"),
        (HEADER + "functions: {f: {lang: plain}}", r"functions\.f\.handler is missing"),
        (HEADER + "functions: {F: {lang: plain, handler: ./f}}", r"functions\.F: a name has"),
        (HEADER + "functions: {f: 1\n", r"line \d+: "),
        (HEADER + "functions: {f: {lang: a, lang: b}}", "line 2: the key 'lang' occurs twice"),
        (HEADER + "# ${A-b}", "line 2: only "),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(file: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidStack, match=f"stack.yml: {message}"):
        read(file, text)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("environment: {A: [1]}", r"functions\.f\.environment\.A must be a text, not \['1'\]"),
        ("environment: [A]", r"functions\.f\.environment must be a mapping"),
        ("environment_file: [gone.yml]", r"functions\.f\.environment_file: gone\.yml: No such"),
        ("secrets: key", r"functions\.f\.secrets must be a list of texts, not 'key'"),
        ("environment: {~: 1}", r"functions\.f\.environment: the key None is no text"),
        ("labels: {edge.levels: some}", r"functions\.f\.labels\.edge\.levels: 'some' is none of"),
        ("labels: {com.openfaas.scale.min: many}", r"scale\.min: 'many' is not from 1 to 99"),
    ],
)
def test_a_wrong_value_is_named(file: Path, keys: str, message: str) -> None:
    with pytest.raises(InvalidStack, match=message):
        one(file, f"    {keys}\n")


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(InvalidStack, match=r"stack\.yml: No such file"):
        reading.load([file], {})
