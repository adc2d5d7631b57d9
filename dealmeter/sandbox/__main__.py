"""`python -m dealmeter.sandbox hubspot|salesforce`: a fake CRM in a process of its own."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dealmeter.sandbox.serve import Options, serve_forever


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    return serve_forever(Options(**vars(given)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dealmeter.sandbox", description=__doc__)
    vendors = parser.add_subparsers(dest="vendor", required=True)
    hubspot = vendors.add_parser("hubspot", help="a HubSpot account on loopback")
    salesforce = vendors.add_parser("salesforce", help="a Salesforce org on loopback")
    for vendor in (hubspot, salesforce):
        _add_common(vendor)
    lag = Options().search_lag_s
    hubspot.add_argument("--search-lag-s", type=float, default=lag, help="how long search does not know of a change")
    return parser


def _add_common(vendor: argparse.ArgumentParser) -> None:
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
    ):
        default = getattr(defaults, option.replace("-", "_"))
        vendor.add_argument(f"--{option}", type=kind, default=default, help=text)
    vendor.add_argument("--rate-limit", action="store_true", help="enforce the vendor's rate limits")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
