"""Cuts a query into tokens."""

import re
from typing import NamedTuple

from dealmeter.sandbox.salesforce.errors import RefusedError, malformed_query
from dealmeter.sandbox.salesforce.soql.mistakes import unexpected

LONGEST = 100_000
LONGEST_STRING = 4_000
_TOKENS = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2}))
  | (?P<date>\d{4}-\d{2}-\d{2})
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?::\d+)?)
  | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
  | (?P<end>\Z)
  )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class Token(NamedTuple):
    """`kind` is string, datetime, date, number, word, sign or end; `text` as it stands, strings unescaped."""

    kind: str
    text: str
    at: int

    def says(self, *words: str) -> bool:
        return self.kind in ("word", "sign") and self.text.upper() in words


def tokens(query: str) -> list[Token]:
    """The tokens of a query and an end. RefusedError: MALFORMED_QUERY."""
    if len(query) > LONGEST:
        raise RefusedError(400, "QUERY_TOO_COMPLICATED", "Query is either selecting too many fields or too long")
    found, at = [], 0
    while True:
        match = _TOKENS.match(query, at)
        if match is None:
            stuck = at + len(query[at:]) - len(query[at:].lstrip())
            raise unexpected(query, stuck, query[stuck])
        kind = match.lastgroup or "end"
        text = match.group(kind)
        found.append(Token(kind, _string(text) if kind == "string" else text, match.start(kind)))
        if kind == "end":
            return found
        at = match.end()


def _string(text: str) -> str:
    value = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1], flags=re.DOTALL)
    if len(value) > LONGEST_STRING:
        raise malformed_query("maximum SOQL statement string length is 4000")
    return value
