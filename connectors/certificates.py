"""Certificates: why the one of a server isn't trusted, and what a person can do about it."""

from collections.abc import Mapping
from ssl import SSLCertVerificationError

from connectors.causes import causes
from connectors.errors import UntrustedError

REQUESTS_TRUSTS = "REQUESTS_CA_BUNDLE"
"""By this variable `requests` is told whom else to trust."""
PROXY = (
    "where a company's proxy looks into https, ask for the certificate of its authority (PEM) and name that file in "
    "the environment variable {variable}; else check the address and this machine's network: somebody may be in the "
    "middle"
)
DATED = (
    "check this machine's clock first (`date -u`); if it is right, the owner of {where} must renew the certificate; "
    "what is stored stays stored, and the next run goes on"
)
NAMED = "check the address in the configuration: whoever answers there is somebody else"

HINTS: Mapping[int, str] = {9: DATED, 10: DATED, 62: NAMED, 64: NAMED}
"""OpenSSL's codes: not valid yet, expired, another name, another address. All others: nobody known vouches for it."""


def untrusted(error: BaseException, where: str, *, variable: str) -> UntrustedError | None:
    """The error that a refused certificate means; None where `error` is about something else.

    `variable` is the environment variable by which the HTTP library is told whom else to trust.
    """
    found = next((each for each in causes(error) if isinstance(each, SSLCertVerificationError)), None)
    if found is None:
        return None
    hint = HINTS.get(found.verify_code, PROXY).format(where=where, variable=variable)
    return UntrustedError(f"{where}: its certificate is not trusted: {found.verify_message.rstrip('.')}", hint=hint)
