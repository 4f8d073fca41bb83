"""A secret that is read again when its file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgectl.local.files import write_private
from edgedb import secret_file
from edgedb.errors import ConfigurationError

NAME = "edge-node-key"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the file of a secret."""
    (tmp_path / NAME).write_text("first\n")
    return tmp_path / NAME


def test_a_secret_is_read_again_when_its_file_was_replaced_or_written(file: Path) -> None:
    lines = secret_file.required(file.parent, NAME)
    assert lines() == ("first",)
    assert lines() is lines()
    write_private(file, "second\n\n first \n")
    assert lines() == ("second", "first")
    file.write_text("third")
    assert lines() == ("third",)


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"1\n2\n3\n", b"short"])
def test_what_becomes_unreadable_is_reported_and_the_last_one_holds(
    file: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file.write_text("a long one")
    lines = secret_file.required(file.parent, NAME, 6)
    file.write_bytes(content)
    assert lines() == lines() == ("a long one",)
    (record,) = caplog.records
    assert f"the secret {NAME} cannot be read, the last one holds" in record.getMessage()
    assert "long" not in record.getMessage()


def test_what_is_removed_holds_until_there_is_another(file: Path) -> None:
    lines = secret_file.required(file.parent, NAME)
    file.unlink()
    assert lines() == ("first",)
    file.write_text("second")
    assert lines() == ("second",)


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    lines = secret_file.optional(tmp_path, "link")
    write_private(file, "second")
    assert lines() == ("second",)


def test_what_is_not_there_is_none_or_an_error(tmp_path: Path) -> None:
    assert secret_file.optional(tmp_path, NAME)() == ()
    with pytest.raises(ConfigurationError, match=f"{NAME} is missing in {tmp_path}"):
        secret_file.required(tmp_path, NAME)
