"""Build folders are laid out as faas-cli build --shrinkwrap does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgectl.errors import InvalidStack
from edgectl.stack import build
from edgectl.stack.reading import Function

FILES = {
    "edgedb/__init__.py": "library",
    "edgedb/lua/begin.lua": "script",
    "template/edge/index.py": "os.environ['EDGE_PORT']",
    "template/edge/Dockerfile": "FROM x",
    "template/edge/function/handler.py": "starter",
    "template/edge/function/helper.py": "of the template",
    "template/other/template.yml": "handler_folder: src",
    "template/other/index.py": "port = 5000",
    "cart/handler.py": "cart",
    "cart/parts/list.py": "part",
    "cart/build/old.py": "not for the image",
    "cart/template/old.py": "not for the image",
    "shared/prices.json": "{}",
    "notes.txt": "a file to copy",
}


@pytest.fixture
def cart(tmp_path: Path) -> Function:
    """Make a function in a project of two templates, one of which links to a library."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "template" / "edge" / "edgedb").symlink_to("../../edgedb")
    return Function(
        name="cart",
        lang="edge",
        handler=tmp_path / "cart",
        environment={},
        secrets=(),
        labels={},
        annotations={},
        fprocess=None,
        copied=(),
        project=tmp_path,
    )


def laid_out(function: Function) -> dict[str, str]:
    """Give the files of its build folder."""
    folder = build.lay_out(function, function.project / "build")
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_template_links_and_handler_become_real_files(cart: Function) -> None:
    assert laid_out(cart) == {
        "index.py": "os.environ['EDGE_PORT']",
        "Dockerfile": "FROM x",
        "edgedb/__init__.py": "library",
        "edgedb/lua/begin.lua": "script",
        "function/handler.py": "cart",
        "function/helper.py": "of the template",
        "function/parts/list.py": "part",
    }
    assert not (cart.project / "build" / "cart" / "edgedb").is_symlink()


def test_what_configuration_copy_names_lands_in_the_handler_folder(cart: Function) -> None:
    files = laid_out(replace(cart, copied=("shared", "notes.txt")))
    assert files["function/shared/prices.json"] == "{}"
    assert files["function/notes.txt"] == "a file to copy"


def test_a_template_may_name_another_handler_folder(cart: Function) -> None:
    assert laid_out(replace(cart, lang="other"))["src/handler.py"] == "cart"


def test_a_second_build_leaves_nothing_of_the_first(cart: Function) -> None:
    build.lay_out(cart, cart.project / "build")
    (cart.handler / "parts" / "list.py").unlink()
    assert "function/parts/list.py" not in laid_out(cart)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lang": "none"}, "functions.cart: there is no folder .*template/none"),
        ({"handler": Path("/nowhere/at-all")}, "functions.cart: there is no folder /nowhere"),
        ({"copied": ("gone",)}, "configuration.copy: there is no .*gone"),
        ({"copied": ("../elsewhere",)}, "'../elsewhere' is not inside the project's folder"),
        ({"copied": (".",)}, "'.' is not inside the project's folder"),
    ],
)
def test_what_is_missing_is_named(cart: Function, change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidStack, match=message):
        laid_out(replace(cart, **change))  # type: ignore[arg-type]


def test_a_link_to_nowhere_is_named(cart: Function) -> None:
    (cart.project / "template" / "edge" / "lost").symlink_to("nowhere")
    with pytest.raises(InvalidStack, match=r"functions\.cart: .*template/edge/lost"):
        laid_out(cart)


def test_a_template_that_fixes_its_port_cannot_run_here(cart: Function) -> None:
    build.require_runnable(cart, build.lay_out(cart, cart.project / "build"))
    other = replace(cart, lang="other")
    with pytest.raises(InvalidStack, match="template other does not read EDGE_PORT"):
        build.require_runnable(other, build.lay_out(other, cart.project / "build"))
