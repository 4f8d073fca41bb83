"""What the examples tell the nodes above."""

from __future__ import annotations

import pytest

from harness.waiting import until
from tests.e2e.world import ALL, World

UPWARDS = ("edge-a", "city", "cloud")


def test_a_product_is_counted_at_every_level_from_the_cart_to_the_root(
    world: World, session: str
) -> None:
    def counts() -> dict[str, int]:
        query = {"product": session}
        answers = {at: world.call(at, "products-counter", method="GET", params=query) for at in ALL}
        return {at: answer.json()["count"] for at, answer in answers.items()}

    def buy() -> str:
        options = {"params": {"product": session}, "allow_redirects": True}
        answer = world.call("edge-a", "shopping-cart", session=session, **options)
        assert answer.json()["session"] == session
        return str(answer.json()["location"])

    assert buy() == "edge-a"
    until(lambda: counts() == {"cloud": 1, "city": 1, "edge-a": 1, "edge-b": 0})
    world.offload(session)
    assert buy() == "city"
    until(lambda: counts() == {"cloud": 2, "city": 2, "edge-a": 1, "edge-b": 0})


@pytest.mark.parametrize("location", UPWARDS)
def test_the_mean_of_a_completed_day_arrives_at_every_level(
    world: World, session: str, location: str
) -> None:
    def means() -> list[float]:
        known = world.call(location, "sensor-means", method="GET").json()["means"]
        return [mean["mean"] for mean in known if mean["sensor"] == session]

    for time, value in (("01T00:00", 1.0), ("01T01:00", 2.0), ("02T00:00", 9.0)):
        reading = {"time": f"2010-01-{time}", "value": value}
        assert world.call("edge-a", "sensor-log", session=session, json=reading).ok
    until(lambda: means() == [1.5])
