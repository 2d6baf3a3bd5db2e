"""What Postgres keeps of a password: a SCRAM-SHA-256 verifier (RFC 5802, RFC 7677).

From a verifier nobody gets in: it only checks whoever knows the password. So the server's container
is given verifiers and no password at all.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode

_VERIFIER = re.compile(r"SCRAM-SHA-256\$([0-9]+):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=:]+")


def verifier(password: str, salt: bytes, iterations: int) -> str:
    """The text for `ALTER ROLE … PASSWORD`. ValueError unless `password` is printable ASCII.

    Other characters would have to be normalised first, as clients do.
    """
    if not (password.isascii() and password.isprintable() and password):
        raise ValueError("a password must be printable ASCII")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored_key = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    server_key = _keyed(salted, b"Server Key")
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def verifies(known: str, password: str) -> bool:
    """Whether the verifier `known` is one of `password`."""
    match = _VERIFIER.fullmatch(known)
    if match is None:
        return False
    again = verifier(password, b64decode(match[2]), int(match[1]))
    return hmac.compare_digest(again, known)


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _text(value: bytes) -> str:
    return b64encode(value).decode()
