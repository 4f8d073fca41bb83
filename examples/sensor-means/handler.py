"""The mean of each completed day of the sensors at this node or below it.

curl http://127.0.0.1:31112/function/sensor-means
"""

import json

import edgedb
from edgedb.wire.model import Value


class SensorMeans(edgedb.Offloadable):
    """``GET`` answers the means in the order they came; ``sensor-log`` propagates them."""

    node_local = True

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Answer all means."""
        means = [json.loads(mean) for mean in edgedb.get_list("means")]
        return {"location": request.location, "means": means}

    def receive_propagate(self, value: Value, origin: str) -> None:
        """Keep one day's mean and where it comes from."""
        day = json.loads(value)
        mean = {"sensor": day["sensor"], "day": day["day"], "mean": day["mean"], "origin": origin}
        edgedb.add_to_list("means", json.dumps(mean))


handle = SensorMeans()
