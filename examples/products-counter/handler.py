"""How often each product was put into a cart at this node or below it.

curl 'http://127.0.0.1:31113/function/products-counter?product=milk'
"""

import edgedb
from edgedb.errors import BadRequest
from edgedb.wire.model import Value


class ProductsCounter(edgedb.Offloadable):
    """``GET ?product=NAME`` answers the count; carts propagate the products to it."""

    node_local = True

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Answer one product's count."""
        product = request.query.get("product")
        if not product:
            raise BadRequest("name the product: ?product=NAME")
        return {"location": request.location, "product": product, "count": count_of(product)}

    def receive_propagate(self, value: Value, origin: str) -> None:  # noqa: ARG002
        """Count a product once."""
        product = str(value)
        edgedb.set(product, str(count_of(product) + 1))


def count_of(product: str) -> int:
    """Give the count so far."""
    return int(edgedb.get(product) or 0)


handle = ProductsCounter()
