"""A page of one origin writes to a session at another, before and after the session moves."""

from __future__ import annotations

import pytest

from tests.browser.diary import HOME, Diary
from tests.browser.page import Page

WRITES = 5

WRITE = """
const answers = [];
for (const line of given.lines) {
  const answer = await fetch(given.url, {method: "POST", body: line, ...given.how});
  answers.push([answer.status, answer.redirected, (await answer.json()).location]);
}
return answers;
"""
COOKIE = "document.cookie = `diary=${encodeURIComponent(given.session)}; SameSite=Lax; Path=/`"
ERASE = "document.cookie = 'diary=; Max-Age=0; Path=/'"

HEADER = "header"
IN_A_COOKIE = "cookie"


def naming(page: Page, session: str, by: str) -> dict[str, object]:
    """Have the page name its session; gives the options of its calls."""
    page.run(ERASE)
    if by == IN_A_COOKIE:
        page.run(COOKIE, session=session)
        return {"credentials": "include"}
    return {"headers": {"X-session": session, "Content-Type": "text/plain"}}


# whose page, which function, how it names the session, whether it is redirected after the move
CASES = [
    ("localhost", "redirecting", HEADER, True),
    ("localhost", "forwarding", HEADER, False),
    ("localhost", "listed", HEADER, False),
    ("localhost", "open", HEADER, True),
    ("127.0.0.1", "redirecting", HEADER, True),
    ("127.0.0.1", "forwarding", HEADER, False),
    ("127.0.0.1", "redirecting", IN_A_COOKIE, True),
    ("127.0.0.1", "forwarding", IN_A_COOKIE, False),
    ("127.0.0.1", "listed", IN_A_COOKIE, False),
]


@pytest.mark.parametrize(("host", "function", "by", "is_redirected"), CASES)
def test_a_page_of_another_origin_writes_wherever_the_session_is(
    pages: dict[str, Page],
    diary: Diary,
    session: str,
    host: str,
    function: str,
    by: str,
    is_redirected: bool,
) -> None:
    page = pages[host]
    how = naming(page, session, by)
    lines = [f"line {number}" for number in range(2 * WRITES)]
    url = diary.url(HOME, function)
    before = page.run(WRITE, url=url, how=how, lines=lines[:WRITES])
    diary.offload(session)
    after = page.run(WRITE, url=url, how=how, lines=lines[WRITES:])
    assert before == [[200, False, "edge-a"]] * WRITES
    assert after == [[200, is_redirected, "city"]] * WRITES
    assert diary.read(function, session) == {"location": "city", "lines": lines}


FORM = """
const frame = document.createElement("iframe");
const form = document.createElement("form");
frame.name = "answer";
Object.assign(form, {action: given.url, method: "post", target: frame.name});
form.innerHTML = '<input name="line" value="form">';
document.body.append(frame, form);
form.submit();
await new Promise((resolve) => (frame.onload = resolve));
frame.remove();
form.remove();
"""
PICTURE = """
const picture = new Image();
picture.src = `${given.url}?${Math.random()}`;  // one that it has is not fetched
await picture.decode();
"""
EVENTS = """
const events = new EventSource(given.url, {withCredentials: true});
await new Promise((resolve, reject) => {
  events.onmessage = resolve;
  events.onerror = () => reject("no event");
});
events.close();
"""


@pytest.mark.parametrize("function", ["redirecting", "forwarding"])
def test_forms_images_and_event_sources_name_their_session_by_a_cookie(
    pages: dict[str, Page], diary: Diary, session: str, function: str
) -> None:
    page = pages["127.0.0.1"]
    naming(page, session, IN_A_COOKIE)

    def write() -> None:
        for script, path in ((FORM, "/"), (PICTURE, "/picture"), (EVENTS, "/events")):
            page.run(script, url=diary.url(HOME, function, path))

    write()
    diary.offload(session)
    write()
    written = ["line=form", "/picture", "/events"]
    assert diary.read(function, session) == {"location": "city", "lines": written * 2}


ANSWER = """
const answer = await fetch(given.url, given.how);
const problem = answer.ok ? {} : await answer.json();
return [answer.status, problem.type ?? null, answer.headers.get("X-session-location")];
"""


def test_a_page_can_read_why_it_was_refused(pages: dict[str, Page], diary: Diary) -> None:
    page = pages["localhost"]
    page.run(ERASE)
    answer = page.run(ANSWER, url=diary.url(HOME, "forwarding"), how={"method": "POST"})
    assert answer == [400, "urn:edgedb:problem:InvalidSession", None]


def test_a_login_survives_the_move_where_requests_are_forwarded(
    pages: dict[str, Page], diary: Diary, session: str
) -> None:
    page = pages["localhost"]
    headers = {"X-session": session, "Authorization": "Bearer login"}
    how = {"method": "POST", "headers": headers, "body": "in private"}
    answers = {}
    for function in ("forwarding", "redirecting"):
        answers[function] = [page.run(ANSWER, url=diary.url(HOME, function, "/private"), how=how)]
    diary.offload(session)
    for function in ("forwarding", "redirecting"):
        answers[function] += [page.run(ANSWER, url=diary.url(HOME, function, "/private"), how=how)]
    assert answers["forwarding"] == [[200, None, None], [200, None, "city"]]
    # a browser drops it where the host changes: here the port does, which is another origin
    assert [status for status, *_ in answers["redirecting"]] == [200, 401]
