"""Odd content in an answer that is well otherwise, put before the first occurrence of a field."""

from collections.abc import Callable
from dataclasses import replace

from dealmeter.sandbox.http import Answer

Spoil = Callable[[Answer], Answer]


def half_an_emoji(field: str) -> Spoil:
    """The first text of a field begins with half of a surrogate pair: somebody's import cut it there."""
    return _instead(f'"{field}":"', f'"{field}":"\\ud83d')


def deep(name: str, levels: int, before: str) -> Spoil:
    """Before a field stands a list in a list in a list."""
    return _instead(f'"{before}":', f'"{name}":{"[" * levels}{"]" * levels},"{before}":')


def _instead(old: str, new: str) -> Spoil:
    return lambda answer: replace(answer, body=answer.body.replace(old.encode(), new.encode(), 1))
