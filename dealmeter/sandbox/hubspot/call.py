"""One request as the endpoints see it: parameters in all the spellings that HubSpot accepts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from dealmeter.sandbox.http import Request
from dealmeter.sandbox.hubspot.errors import invalid, missing_scopes, no_such_edition
from dealmeter.sandbox.hubspot.kinds import ObjectType, object_type
from dealmeter.sandbox.hubspot.portal import Portal

Scopes = frozenset[str] | None
"""What a token may do; None may do everything."""


@dataclass(frozen=True)
class Call:
    """`version` is `v3`, `v4` or a date; `shorten` makes a page shorter than asked for."""

    request: Request
    portal: Portal
    place: dict[str, str]
    version: str
    scopes: Scopes
    shorten: bool = False

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.request.query, keep_blank_values=True)

    @cached_property
    def json(self) -> dict[str, Any]:
        try:
            body = orjson.loads(self.request.body or b"{}")
        except orjson.JSONDecodeError as problem:
            raise invalid("Invalid input JSON") from problem
        if not isinstance(body, dict):
            raise invalid("Invalid input JSON: an object is expected")
        return body

    @property
    def single_status(self) -> bool:
        """From 2026-09 on a batch with errors is a plain 200."""
        return self.version == "2026-09"

    def type(self, part: str = "type") -> ObjectType:
        """The object type that a part of the path names. Refused where the account's edition lacks it."""
        of = object_type(unquote(self.place[part]))
        self.include(of.name)
        return of

    def include(self, feature: str) -> None:
        """Refuse what the account's subscription doesn't include."""
        if feature in self.portal.without:
            raise no_such_edition(feature)

    def text(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def names(self, name: str) -> tuple[str, ...]:
        """An array parameter: a comma list, a repeated key, or both."""
        return tuple(part for value in self.query.get(name, ()) for part in value.split(",") if part)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def number(self, name: str, default: int) -> int:
        text = self.text(name) or str(default)
        if not text.isdigit():
            raise invalid(f"Invalid value for {name}: {text}")
        return int(text)

    def need(self, scopes: tuple[tuple[str, ...], ...]) -> None:
        """Every entry must be met by one of its alternatives."""
        if self.scopes is None:
            return
        for alternatives in scopes:
            if not self.scopes.intersection(alternatives):
                raise missing_scopes(alternatives)

    def shortened(self, size: int) -> int:
        return max(1, size // 3) if self.shorten else size

    def link(self, after: str) -> str:
        """Deliberately another host: clients must rebuild the URL from `after`."""
        return f"https://api.hubspot.com{self.request.path}?after={after}"


def strings(value: object, name: str) -> tuple[str, ...]:
    """A JSON list of texts."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid(f"Invalid input JSON: {name} must be a list")
    return tuple(str(item) for item in value)
