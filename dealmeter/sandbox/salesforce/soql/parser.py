"""Tokens become a query, or MALFORMED_QUERY says which one was not expected."""

from collections.abc import Callable
from typing import TypeVar

from dealmeter.sandbox.salesforce.errors import RefusedError
from dealmeter.sandbox.salesforce.soql.lexer import Token, tokens
from dealmeter.sandbox.salesforce.soql.mistakes import unexpected
from dealmeter.sandbox.salesforce.soql.syntax import (
    And,
    Call,
    Compare,
    Condition,
    Literal,
    Member,
    Not,
    Or,
    Order,
    Path,
    Query,
)

T = TypeVar("T")
FUNCTIONS = ("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX")
OPERATORS = ("=", "!=", "<>", "<", "<=", ">", ">=", "LIKE")
KEYWORDS = frozenset(
    ("SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "GROUP", "ORDER", "BY", "LIMIT", "OFFSET", "HAVING")
)
_LITERALS = ("string", "number", "date", "datetime")


def parse(text: str) -> Query:
    return _Parser(text).query()


class _Parser:
    """Recursive descent: one method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._next = text, tokens(text), 0

    def query(self) -> Query:
        self._need("SELECT")
        select = self._listed(self._item)
        self._need("FROM")
        sobject = self._type()
        where = self._either() if self._accept("WHERE") else None
        group = self._listed(self._path) if self._accept_pair("GROUP", "BY") else ()
        order = self._listed(self._order) if self._accept_pair("ORDER", "BY") else ()
        limit = self._whole() if self._accept("LIMIT") else None
        offset = self._whole() if self._accept("OFFSET") else 0
        if self._peek.kind != "end":
            raise self._refuse()
        return Query(
            text=self._text,
            select=select,
            sobject=sobject,
            where=where,
            group=group,
            order=order,
            limit=limit,
            offset=offset,
        )

    # SELECT

    def _item(self) -> Path | Call:
        path = self._path()
        if not self._peek.says("("):
            return path
        call = self._call(path)
        if self._peek.kind == "word" and self._peek.text.upper() not in KEYWORDS:
            call = call._replace(alias=self._take().text)
        return call

    def _call(self, name: Path) -> Call:
        function = name.text.upper()
        if function not in FUNCTIONS:
            raise unexpected(self._text, self._peek.at, "(")
        self._need("(")
        inner = None if self._peek.says(")") else self._path()
        if inner is None and function != "COUNT":
            raise self._refuse()
        self._need(")")
        return Call(function, inner, None, name.at)

    def _path(self) -> Path:
        token = self._peek
        if token.kind != "word" or token.text.upper() in KEYWORDS or ":" in token.text:
            raise self._refuse()
        self._next += 1
        return Path(tuple(token.text.split(".")), token.at)

    def _type(self) -> Path:
        """Also a keyword: there is a type called Order."""
        token = self._take()
        if token.kind != "word" or "." in token.text:
            raise unexpected(self._text, token.at, token.text)
        return Path((token.text,), token.at)

    # WHERE

    def _either(self) -> Condition:
        """Salesforce wants parentheses where AND and OR meet."""
        first = self._simple()
        if not self._peek.says("AND", "OR"):
            return first
        word, parts = self._peek.text.upper(), [first]
        while self._accept(word):
            parts.append(self._simple())
        if self._peek.says("AND", "OR"):
            raise self._refuse()
        return And(tuple(parts)) if word == "AND" else Or(tuple(parts))

    def _simple(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._simple())
        if self._accept("("):
            inner = self._either()
            self._need(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        path = self._path()
        if self._accept("IN"):
            return Member(path, False, self._values())
        if self._accept_pair("NOT", "IN"):
            return Member(path, True, self._values())
        if not self._peek.says(*OPERATORS):
            raise self._refuse()
        operator = self._take().text.upper()
        return Compare(path, "!=" if operator == "<>" else operator, self._literal())

    def _values(self) -> tuple[Literal, ...]:
        self._need("(")
        found = self._listed(self._literal)
        self._need(")")
        return found

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind in _LITERALS:
            return Literal(token.kind, token.text, token.at)
        word = token.text.upper()
        if token.kind == "word" and word in ("TRUE", "FALSE"):
            return Literal("boolean", word.lower(), token.at)
        if token.kind == "word" and word == "NULL":
            return Literal("null", "", token.at)
        if token.kind == "word" and "." not in word and word not in KEYWORDS:
            return Literal("relative", word, token.at)
        self._next -= 1
        raise self._refuse()

    # ORDER BY and the rest

    def _order(self) -> Order:
        path = self._path()
        by: Path | Call = self._call(path) if self._peek.says("(") else path
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = descending
        if self._accept("NULLS"):
            nulls_last = self._accept("LAST")
            if not nulls_last:
                self._need("FIRST")
        return Order(by, descending, nulls_last)

    def _whole(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            self._next -= 1
            raise self._refuse()
        return int(token.text)

    # Tokens

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek
        self._next += token.kind != "end"
        return token

    def _accept(self, word: str) -> bool:
        if self._peek.says(word):
            self._next += 1
            return True
        return False

    def _accept_pair(self, first: str, second: str) -> bool:
        if self._peek.says(first) and self._tokens[self._next + 1].says(second):
            self._next += 2
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._accept(word):
            raise self._refuse()

    def _listed(self, part: Callable[[], T]) -> tuple[T, ...]:
        found = [part()]
        while self._accept(","):
            found.append(part())
        return tuple(found)

    def _refuse(self) -> RefusedError:
        return unexpected(self._text, self._peek.at, self._peek.text)
