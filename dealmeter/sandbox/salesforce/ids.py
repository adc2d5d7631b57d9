"""Salesforce ids: a prefix that tells the type, a number, and three letters that save it from case-blind tools."""

import string
from functools import cache

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
POD = "Wq"
NUMBER_LENGTH = 9
NUMBERS: int = 62**NUMBER_LENGTH
_VALUES = {digit: value for value, digit in enumerate(DIGITS)}
_SUFFIX = string.ascii_uppercase + "012345"


def _upper(text: str) -> int:
    """A bit for every capital letter."""
    return sum(1 << place for place, char in enumerate(text) if char.isupper())


_SINGLES = [(digit, _upper(digit)) for digit in DIGITS]
_PAIRS = [(one + two, _upper(one + two)) for one in DIGITS for two in DIGITS]


def serial(number: int, code: int = 0) -> int:
    """What is left of an id without its prefix, in the same order as the ids. `code` tells kinds of one type apart."""
    return code * NUMBERS + number


def code_and_number(of: int) -> tuple[int, int]:
    """Back from a serial."""
    return divmod(of, NUMBERS)


def text(prefix: str, of: int) -> str:
    """The id of 18 characters."""
    code, number = divmod(of, NUMBERS)
    number, last = divmod(number, 62)
    number, fourth = divmod(number, 3844)
    number, third = divmod(number, 3844)
    first, second = divmod(number, 3844)
    (one, up1), (two, up2), (three, up3), (four, up4) = _PAIRS[first], _PAIRS[second], _PAIRS[third], _PAIRS[fourth]
    (lead, up0), (end, up5), (head, checksum) = _SINGLES[code], _SINGLES[last], _head(prefix)
    middle, tail = _SUFFIX[up0 | up1 << 1 | up2 << 3], _SUFFIX[up3 | up4 << 2 | up5 << 4]
    return f"{head}{lead}{one}{two}{three}{four}{end}{checksum}{middle}{tail}"


@cache
def _head(prefix: str) -> tuple[str, str]:
    """The first five characters and their checksum letter."""
    head = prefix + POD
    return head, _SUFFIX[_upper(head)]


def parse(id: str) -> tuple[str, int] | None:
    """Prefix and serial of an id of 15 or 18 characters; None when it is none of ours."""
    if not well_formed(id) or id[3:5] != POD:
        return None
    if len(id) == 18 and id[15:].upper() != suffix(id[:15]):
        return None
    found = 0
    for char in id[5:15]:
        found = found * 62 + _VALUES[char]
    return id[:3], found


def well_formed(id: str) -> bool:
    """Whether it could be an id of some org."""
    return len(id) in (15, 18) and all(char in _VALUES for char in id)


def suffix(id: str) -> str:
    """The three checksum letters of an id of 15 characters."""
    return "".join(_SUFFIX[_upper(id[start : start + 5])] for start in (0, 5, 10))
