"""Text of strangers on a terminal: no character of it may move the cursor, colour, or turn the line around."""

import re

CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
TURNING = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates; marks (U+200E, U+200F) and joiners belong to Persian and stay."""
HARMFUL = re.compile(f"[{CONTROL}{TURNING}\ud800-\udfff]")


def harmless(text: str) -> str:
    """The text with such characters shown as what they are: `\\x1b`."""
    return HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
