"""A shopping cart: one session, one cart, wherever the session is.

curl -L -X POST -H 'X-session: alice' \
    'http://127.0.0.1:31114/function/shopping-cart?product=milk'
"""

import edgedb
from edgedb.errors import BadRequest


class ShoppingCart(edgedb.Offloadable):
    """``POST ?product=NAME`` adds a product; every method answers what is in the cart."""

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Serve one customer; every node up to the root learns what was bought."""
        if request.method == "POST":
            product = request.query.get("product")
            if not product:
                raise BadRequest("name the product: ?product=NAME")
            edgedb.add_to_list("products", product)
            edgedb.propagate(product, edgedb.levels()[-1], "products-counter")
        return {
            "body": {
                "session": request.session_id,
                "location": request.location,
                "products": edgedb.get_list("products"),
            }
        }


handle = ShoppingCart()
