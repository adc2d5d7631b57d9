"""Names in the configuration that must be among some; a wrong one is answered by the one that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def insist_known(names: Iterable[str], there: Iterable[str], words: str) -> None:
    """Raises ValueError for a name that is not there. `words` begin the sentence: `there is no stream`."""
    there = list(there)
    for name in names:
        if name not in there:
            close = get_close_matches(name, there, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(there)}"
            raise ValueError(f"{words} {name!r}; {meant}")
