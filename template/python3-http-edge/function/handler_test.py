"""Run by ``docker build --target test``; a dict takes the place of the session."""

import unittest
from unittest import mock

import edgedb

from .handler import handle


class VisitsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.session: dict[str, str] = {}
        for name, stand_in in {"get": self.session.get, "set": self.session.__setitem__}.items():
            patch = mock.patch.object(edgedb, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)

    def visit(self) -> dict[str, object]:
        return handle.handle_offload(edgedb.Request("POST", session_id="alice"))

    def test_the_first_visit_is_number_one(self) -> None:
        self.assertEqual(self.visit(), {"body": {"session": "alice", "visits": 1}})

    def test_each_visit_counts_on_from_what_the_session_holds(self) -> None:
        self.session["visits"] = "41"
        self.visit()
        self.assertEqual(self.session, {"visits": "42"})


if __name__ == "__main__":
    unittest.main()
