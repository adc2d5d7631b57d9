"""Signed assertions (JWT, RS256), checked with the key of the sandbox."""

import base64
import binascii
from functools import cached_property
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS = 2048


class BadAssertionError(ValueError):
    """It cannot be read, or somebody else signed it."""


class Keys:
    """The pair of keys of the connected app: made when first needed, or only a public half that is given."""

    def __init__(self) -> None:
        self._given: rsa.RSAPublicKey | None = None

    @cached_property
    def _pair(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)

    @property
    def private_pem(self) -> str:
        """For clients that have no key of their own."""
        kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._pair.private_bytes(serialization.Encoding.PEM, kind, plain).decode()

    def trust(self, public_pem: str) -> None:
        """Check with this key from now on. ValueError when it is no RSA key."""
        key = serialization.load_pem_public_key(public_pem.encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("the public key must be an RSA key")
        self._given = key

    @property
    def public(self) -> rsa.RSAPublicKey:
        return self._given or self._pair.public_key()


def read_assertion(text: str, keys: Keys) -> dict[str, Any]:
    """The claims of an assertion whose signature is right."""
    try:
        head, body, signature = text.split(".")
        header, claims = orjson.loads(_decoded(head)), orjson.loads(_decoded(body))
        signed = _decoded(signature)
    except (ValueError, binascii.Error) as problem:
        raise BadAssertionError("invalid assertion") from problem
    if not isinstance(claims, dict) or header.get("alg") != "RS256":
        raise BadAssertionError("invalid assertion")
    try:
        keys.public.verify(signed, f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as problem:
        raise BadAssertionError("invalid assertion") from problem
    return claims


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
