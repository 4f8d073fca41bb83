"""A tree, and pages of two other origins that write to its sessions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.browser.diary import Diary
from tests.browser.page import Page

STACKS = ("stack.yml", "tests/browser/stack.yml")
HOSTS = ("127.0.0.1", "localhost")
"""The gateways' own name: another origin of the same site; and a name of another site."""


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Page]]:
    """Show a page of each host in a browser of its own; gives them by host."""
    pages = {host: Page(host) for host in HOSTS}
    with ExitStack() as shown:
        for host, page in pages.items():
            shown.enter_context(page.shown(tmp_path_factory.mktemp(f"browser-{host}")))
            assert page.run("return location.origin") == page.origin
        yield pages


@pytest.fixture(scope="session")
def diary(pages: dict[str, Page], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diary]:
    """Start a tree whose functions let the pages in."""
    folder = tmp_path_factory.mktemp("tree") / "state"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PAGES", " ".join(page.origin for page in pages.values()))
        with Diary.up(folder, "--tick=0", *(f"--stack={stack}" for stack in STACKS)) as running:
            yield running


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """Give a session id that no other test uses, one that a cookie has to encode."""
    return f"{request.node.originalname} {secrets.token_hex(4)}"
