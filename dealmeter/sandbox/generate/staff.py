"""Sellers and their teams, two of whom have left."""

from random import Random

from dealmeter.sandbox.account import Owner, Team
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import culture, pick, slug

TEAMS = ("İstanbul", "Enterprise", "Renewals", "North", "Persian Gulf")
LEFT = 2


def hire(rng: Random, span: Span, size: int) -> tuple[list[Team], list[Owner]]:
    """A few teams and `size` owners; the first two of them have left, and their deals kept their names."""
    teams = [Team(id=36 + 7 * place, name=name) for place, name in enumerate(TEAMS[: 3 + size // 12])]
    return teams, [_owner(rng, span, place, teams) for place in range(size)]


def _owner(rng: Random, span: Span, place: int, teams: list[Team]) -> Owner:
    home = culture(rng)
    first, last = pick(rng, home.first), pick(rng, home.last)
    hired = span.start - int(rng.random() * 400) * DAY
    left = place < LEFT
    return Owner(
        id=416 + 13 * place,
        user_id=9580021 + 171 * place,
        email=f"{slug(first.latin)}.{slug(last.latin)}{place}@example.com",
        first_name=first.text,
        last_name=last.text,
        created=hired,
        modified=span.working(rng, span.start + 90 * DAY) if left else hired,
        team=None if place == LEFT else teams[place % len(teams)],
        archived=left,
    )
