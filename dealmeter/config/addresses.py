"""Addresses in the configuration: which may be listened on, and which secrets may be sent to."""

import ipaddress
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

Address = TypeVar("Address", str, SecretStr)


def insist_on_tls(url: Address) -> Address:
    """A validator: https, or http to this machine. Raises ValueError, without saying the address."""
    parts = urlsplit(url.get_secret_value() if isinstance(url, SecretStr) else url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("should be https://HOST/PATH")
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise ValueError("should be https://: plain http is for this machine only")
    return url


def split(address: str) -> tuple[str, int]:
    """`127.0.0.1:9464` as host and port. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("should be HOST:PORT, such as 127.0.0.1:9464")
    return host.strip("[]"), int(port)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach HOST:PORT."""
    return is_this_machine(split(address)[0])


def is_this_machine(host: str) -> bool:
    """Whether a host name is the loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
