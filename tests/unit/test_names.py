"""A file's name says what is in it, and leads to one place."""

from __future__ import annotations

import sys
from collections import Counter

from tests.support.tree import REPOSITORY

FOLDERS = ("benchmarks", "demo", "edgectl", "edgedb", "functions", "harness", "template", "tests")
GIVEN = {"__init__", "__main__", "conftest", "handler", "index"}  # by Python, pytest, OpenFaaS
MODULES = [
    file
    for folder in FOLDERS
    for file in (REPOSITORY / folder).rglob("*.py")
    if file.stem not in GIVEN
]


def test_no_module_hides_one_of_the_standard_library() -> None:
    assert not [file for file in MODULES if file.stem in sys.stdlib_module_names]


def test_no_module_repeats_the_name_of_its_folder() -> None:
    assert not [file for file in MODULES if file.stem == file.parent.name]


def test_no_name_is_given_a_third_time() -> None:
    counted = Counter(file.stem for file in MODULES)
    assert not [name for name, count in counted.items() if count > 2]
