"""Addresses in the configuration: which may be listened on, and which secrets may be sent to."""

from connectors.addresses import insist_on_tls, is_this_machine

__all__ = ["insist_on_tls", "is_loopback", "is_this_machine", "split"]


def split(address: str) -> tuple[str, int]:
    """`127.0.0.1:9464` as host and port. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("should be HOST:PORT, such as 127.0.0.1:9464")
    return host.strip("[]"), int(port)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach HOST:PORT."""
    return is_this_machine(split(address)[0])
