"""Shown: what an account shows of what we use, so that a change of it is noticed."""

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from store.drift import Shape, Shown

__all__ = ["Shape", "Shaped", "Shown", "shown_stages"]


@runtime_checkable
class Shaped(Protocol):
    """A connector that can tell how the account is made."""

    def shape(self, streams: Collection[str]) -> Shape:
        """Of those of these streams that this run has looked at: each field that we ask for, by the CRM's name.

        One that the account lacks has no type. Costs no request.
        """
        ...


def shown_stages(pipelines: Mapping[str, str], stages: Mapping[str, str]) -> dict[str, Shown]:
    """Pipelines and stages, whose names are given by their ids, as fields."""
    shown = {id_: Shown(type="pipeline", label=name) for id_, name in pipelines.items()}
    return shown | {id_: Shown(type="stage", label=name) for id_, name in stages.items()}
