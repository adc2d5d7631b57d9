"""Addresses that secrets travel to: https, or http where the way there is our own."""

import ipaddress
import re
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo

Address = TypeVar("Address", str, SecretStr)

PATTERN: Final = r"^[Hh][Tt][Tt][Pp][Ss]?://([^\s/:@]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?(/\S*)?$"
"""What an address looks like, for editors."""
ALLOW_HTTP: Final[Any] = Field(
    default=False, description="plain http to other machines too, where the network between is yours"
)
"""The setting `allow_http`; it stands before the addresses that it is about."""


def insist_on_tls(url: Address) -> Address:
    """A validator: https, or http to this machine. Raises ValueError, without saying the address."""
    refuse_open(url.get_secret_value() if isinstance(url, SecretStr) else url)
    return url


def base_address(url: str, info: ValidationInfo) -> str:
    """The same for the addresses of a connector, where `allow_http` lifts it; empty stays empty."""
    if url:
        refuse_open(url, allow_http=info.data.get("allow_http") is True)
        if not re.match(PATTERN, url):
            raise ValueError("should be https://HOST, such as https://proxy.example.com/crm, without user or password")
    return url.rstrip("/")


def refuse_open(url: str, *, allow_http: bool = False) -> None:
    """Raises ValueError for what is no address on the web, and for http that leaves this machine."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("should be https://HOST/PATH")
    if parts.scheme == "http" and not allow_http and not is_this_machine(parts.hostname):
        raise ValueError("should be https://: plain http is for this machine only")


def is_this_machine(host: str) -> bool:
    """Whether a host name is the loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
