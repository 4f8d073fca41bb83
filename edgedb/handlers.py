"""What can be a handler; what cannot is refused when its module is imported."""

from __future__ import annotations

import inspect
from typing import Any


def checked_handler(name: str, handler: Any, arguments: int) -> None:  # noqa: ANN401
    """Refuse a handler that no call with so many arguments can succeed with.

    Raises:
        TypeError: it is a class, async, or takes others.

    """
    if isinstance(handler, type):
        class_name = handler.__name__
        raise TypeError(f"{name} is the class {class_name}; write {name} = {class_name}()")
    if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
        raise TypeError(f"{name} must not be async: its answer is what it returns")
    try:
        # a decorator's own parameters count, whatever function it stands for
        inspect.signature(handler, follow_wrapped=False).bind(*[None] * arguments)
    except (TypeError, ValueError) as error:
        if "no signature found" not in str(error):  # compiled code may have none
            raise TypeError(f"{name} is called with {arguments} arguments: {error}") from error


def checked_methods(owner: type, arguments: dict[str, int]) -> None:
    """Refuse methods as :func:`checked_handler` does, and those that yield; raises TypeError."""
    for name, count in arguments.items():
        method = inspect.getattr_static(owner, name)
        bound = method.__get__(object(), owner) if hasattr(method, "__get__") else method
        checked_handler(f"{owner.__name__}.{name}", bound, count)
        if inspect.isgeneratorfunction(bound):
            raise TypeError(f"{owner.__name__}.{name} must return its answer, not yield it")
