"""What people are told: a sentence, and what to do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MARKS = {
    "failed": "✗",
    "repeated": "✗",
    "stale": "…",
    "action_needed": "!",
    "contradiction": "!",
    "difference": "!",
    "schema_changed": "•",
    "recovered": "✓",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One message. `id` is the same however often it is sent, so that a receiver can drop repeats. `at` is UTC."""

    id: str
    connection: str
    kind: str
    at: datetime
    title: str
    text: str = ""
    hint: str = ""

    @property
    def lines(self) -> str:
        """The message as plain text."""
        rest = [self.text, f"What to do: {self.hint}" if self.hint else "", f"{self.at:%Y-%m-%d %H:%M} UTC"]
        return "\n".join([f"{MARKS.get(self.kind, '•')} {self.title}", *(line for line in rest if line)])

    @property
    def document(self) -> dict[str, Any]:
        """The message for programs."""
        return {
            "schema": "dealmeter.notification/1",
            "id": self.id,
            "connection": self.connection,
            "kind": self.kind,
            "at": self.at.isoformat(),
            "title": self.title,
            "text": self.text,
            "hint": self.hint,
        }


def from_row(row: Mapping[str, Any]) -> News:
    """News out of the outbox."""
    return News(
        id=f"dealmeter-{row['id']}", connection=row["connection"], kind=row["kind"], at=row["at"], **row["content"]
    )
