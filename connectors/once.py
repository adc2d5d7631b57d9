"""Once: a property that is found out when first asked for, by whichever thread asks first, and then kept."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Locked(Protocol):
    """What such properties may belong to: one reentrant lock of its own guards all of them."""

    @property
    def _lock(self) -> AbstractContextManager[Any]: ...


class once(Generic[T]):  # noqa: N801 - a property, named as those are
    """Found out under the one lock of its object, so that properties which need each other can't wait in a circle.

    `functools.cached_property` has a lock for each property and all objects: with a second lock inside, two threads
    that begin at different properties wait for each other for ever.
    """

    def __init__(self, find: Callable[[Any], T]) -> None:
        self.find = find
        self.__doc__ = find.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Locked, owner: type | None = None) -> T:
        with instance._lock:
            kept = vars(instance)  # looked at before this is asked again
            if self.name not in kept:
                kept[self.name] = self.find(instance)
            found: T = kept[self.name]
            return found
