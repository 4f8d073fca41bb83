"""A list of which only the newer end has come is completed with its older elements."""

from __future__ import annotations

from tests.support.contents import appended, read, write
from tests.support.tree import Tree

KIB = 1024


def test_a_large_list_whose_end_is_newer_than_a_page_of_other_data_arrives_whole(
    tree: Tree,
) -> None:
    elements = [b"%02d" % n * 8 * KIB for n in range(16)]
    write(tree, {}, {"list": appended(*elements[:8])})
    write(tree, {"ballast": b"x" * 1100 * KIB}, {})
    write(tree, {}, {"list": appended(*elements[8:])})
    tree.offload("edge-a")
    assert read(tree, "city", [], ["list"])[1] == {"list": elements}
