"""Call outcomes: an account may have its own beside HubSpot's, known by their labels."""

import re
from collections.abc import Mapping

from connectors.base import Meter
from connectors.errors import MissingScopeError, UnexpectedResponseError
from connectors.hubspot.client import Client
from connectors.hubspot.shapes import CALL_OUTCOMES

WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), outcome)
    for words, outcome in (
        (r"voice ?mail|left .*(message|note)|message left", "left_message"),
        (r"\b(no|not|never|un)\b.*(answer|reach|connect|available)|unreach|unavailable|busy|wrong|gatekeeper|hung up|"
         r"disconnected", "no_answer"),
        (r"connect|answered|spoke|talked|reached|conversation", "connected"),
    )
)  # fmt: skip
"""What a label says, the first that fits; other labels leave the outcome to the call's state."""


def dispositions(client: Client, meter: Meter) -> Mapping[str, str]:
    """Our outcome by HubSpot's disposition; the built-in ones where the list can't be read."""
    try:
        told = client.get_list(client.paths.dispositions(), meter)
    except (MissingScopeError, UnexpectedResponseError):  # an old path without successor: it may be gone
        return CALL_OUTCOMES
    own = {str(item.get("id")): outcome(str(item.get("label") or "")) for item in told}
    return {**{id_: meant for id_, meant in own.items() if meant}, **CALL_OUTCOMES}


def outcome(label: str) -> str | None:
    """What a label means; None where we can't tell."""
    return next((meant for words, meant in WORDS if words.search(label)), None)
