"""Two gets, one set, one append: puts one more product into a cart."""

import edgedb


class Cart(edgedb.Offloadable):
    """``POST PRODUCT``."""

    def handle_offload(self, request: edgedb.Request) -> str:
        """Answer how many products there were before."""
        discount = int(edgedb.get("discount") or 0)
        count = int(edgedb.get("count") or 0)
        edgedb.set("count", str(count + 1 - discount))
        edgedb.add_to_list("products", request.text)
        return str(count)


handle = Cart()
