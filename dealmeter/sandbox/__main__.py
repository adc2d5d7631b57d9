"""`python -m dealmeter.sandbox hubspot`: a fake CRM in a process of its own."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dealmeter.sandbox.serve import Options, serve_forever


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    settings = {name: value for name, value in vars(given).items() if name != "vendor"}
    return serve_forever(Options(**settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dealmeter.sandbox", description=__doc__)
    vendors = parser.add_subparsers(dest="vendor", required=True)
    hubspot = vendors.add_parser("hubspot", help="a HubSpot account on loopback")
    defaults = Options()
    for option, kind, text in (
        ("port", int, "0 chooses a free one"),
        ("seed", int, "the same seed makes the same world"),
        ("deals", int, "how many deals"),
        ("contacts", int, "how many contacts (as many as deals unless given)"),
        ("activities-per-deal", float, "calls, meetings, e-mails and so on per deal"),
        ("data", Path, "serve this folder of CSV files instead of a generated world"),
        ("now", _instant, "the present of the world, ISO 8601 (real time unless given)"),
        ("zone", str, "time zone of the account"),
        ("latency-ms", int, "delay of every answer"),
        ("fault-rate", float, "share of requests that go wrong, 0 to 1"),
        ("search-lag-s", float, "how long search does not know of a change"),
    ):
        default = getattr(defaults, option.replace("-", "_"))
        hubspot.add_argument(f"--{option}", type=kind, default=default, help=text)
    hubspot.add_argument("--rate-limit", action="store_true", help="enforce HubSpot's rate limits")
    return parser


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
