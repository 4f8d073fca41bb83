"""The tests in a browser are not skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.page import binary


def test_a_missing_browser_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        binary()
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert binary() == str(tmp_path / "google-chrome")
