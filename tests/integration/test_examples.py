"""The example functions on a tree in one process: their answers, also after a move."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.tree import REPOSITORY, Tree, load_handler

EXAMPLES = REPOSITORY / "examples"
EVERYWHERE = ("edge-a", "city", "cloud")


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    tree = make_tree()
    tree.functions |= {
        path.parent.name: load_handler(path.parent).handle for path in EXAMPLES.glob("*/handler.py")
    }
    return tree


def answer(tree: Tree, place: str, function: str, session: str = "s", **request: Any) -> Any:
    _, response = tree.follow(place, function, session, **request)
    assert response.status == 200, response.body
    return json.loads(response.body)


def buy(tree: Tree, product: str) -> Any:
    return answer(tree, "edge-a", "shopping-cart", query=f"product={product}", method="POST")


def count(tree: Tree, place: str, product: str) -> Any:
    return answer(tree, place, "products-counter", query=f"product={product}")


def log(tree: Tree, time: str, value: float) -> Any:
    body = json.dumps({"time": time, "value": value}).encode()
    return answer(tree, "edge-a", "sensor-log", "roof", method="POST", body=body)


def test_a_cart_holds_what_was_added_wherever_it_is(tree: Tree) -> None:
    assert buy(tree, "milk") == {"session": "s", "location": "edge-a", "products": ["milk"]}
    tree.offload("edge-a")
    assert buy(tree, "caf%C3%A9") == {
        "session": "s",
        "location": "city",
        "products": ["milk", "café"],
    }
    assert answer(tree, "edge-a", "shopping-cart")["products"] == ["milk", "café"]


def test_products_are_counted_once_at_every_level_up_to_the_root(tree: Tree) -> None:
    for product in ("milk", "milk", "tea"):
        buy(tree, product)
    for _ in range(3):
        tree.tick_all()
    for place in EVERYWHERE:
        expected = {"location": place, "product": "milk", "count": 2}
        assert count(tree, place, "milk") == expected
        assert count(tree, place, "tea")["count"] == 1
    assert count(tree, "edge-b", "milk")["count"] == 0


@pytest.mark.parametrize(
    ("function", "method"), [("shopping-cart", "POST"), ("products-counter", "GET")]
)
def test_without_a_product_the_call_is_refused(tree: Tree, function: str, method: str) -> None:
    assert tree.call("edge-a", function, method=method).status == 400


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 1000], ids=["empty", "octets"])
def test_an_uploaded_file_is_downloaded_unchanged_wherever_the_session_is(
    tree: Tree, content: bytes
) -> None:
    headers = {"Content-Type": "image/png"}
    upload = tree.call(
        "edge-a", "cdn-upload", method="PUT", path="/a/logo.png", body=content, headers=headers
    )
    assert upload.status == 201
    tree.offload("edge-a")
    place, response = tree.follow("edge-a", "cdn-download", path="/a/logo.png")
    assert (place, response.status, response.body) == ("city", 200, content)
    assert dict(response.headers)["Content-Type"] == "image/png"


def test_a_file_of_another_session_is_not_found(tree: Tree) -> None:
    tree.call("edge-a", "cdn-upload", "mine", method="PUT", path="/f", body=b"x")
    assert tree.call("edge-a", "cdn-download", "yours", path="/f").status == 404


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/f", 405), ("PUT", "/", 400)])
def test_what_is_no_upload_is_refused(tree: Tree, method: str, path: str, status: int) -> None:
    assert tree.call("edge-a", "cdn-upload", method=method, path=path, body=b"x").status == status


def test_running_statistics_are_those_of_all_readings(tree: Tree) -> None:
    generator = random.Random(1)  # large values that hardly differ: naive sums would cancel
    values = [1e9 + generator.gauss(0, 1) for _ in range(50)]
    for number, value in enumerate(values):
        log(tree, f"2010-01-01T00:{number:02}:00", value)
        if number == 25:
            tree.offload("edge-a", "roof")
    logged = answer(tree, "edge-a", "sensor-log", "roof")
    assert (logged["location"], logged["count"]) == ("city", 50)
    assert math.isclose(logged["mean"], statistics.fmean(values), rel_tol=1e-15)
    assert math.isclose(logged["deviation"], statistics.stdev(values), rel_tol=1e-6)
    assert [float(line.split()[1]) for line in logged["readings"]] == values


def test_the_first_reading_of_a_day_completes_the_day_before_at_every_level(tree: Tree) -> None:
    for time, value in [("01-01T10", 1), ("01-01T11", 2), ("01-02T00", 7), ("01-03T00", 9)]:
        log(tree, f"2010-{time}:00", value)
    for _ in range(3):
        tree.tick_all()
    for place in EVERYWHERE:
        assert answer(tree, place, "sensor-means") == {
            "location": place,
            "means": [
                {"sensor": "roof", "day": "2010-01-01", "mean": 1.5, "origin": "edge-a"},
                {"sensor": "roof", "day": "2010-01-02", "mean": 7.0, "origin": "edge-a"},
            ],
        }


def test_a_reading_that_comes_too_late_does_not_complete_a_day_again(tree: Tree) -> None:
    for time, value in [("01-01T10", 1), ("01-02T00", 7), ("01-01T12", 5), ("01-02T01", 8)]:
        log(tree, f"2010-{time}:00", value)
    tree.tick_all()
    assert len(answer(tree, "edge-a", "sensor-means")["means"]) == 1
    assert answer(tree, "edge-a", "sensor-log", "roof")["count"] == 4


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"time": "noon", "value": 1}', b'{"time": "2010-01-01", "value": NaN}'],
)
def test_what_is_no_reading_is_refused_and_not_logged(tree: Tree, body: bytes) -> None:
    assert tree.call("edge-a", "sensor-log", "roof", method="POST", body=body).status == 400
    assert answer(tree, "edge-a", "sensor-log", "roof")["readings"] == []
