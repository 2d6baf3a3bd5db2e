"""Secrets as files: the vault that holds all, and a folder for each reader with its own alone.

    <root>/vault/<name>            every secret, read by nobody but this
    <root>/<reader>/pgpass         a libpq password file with the lines of the reader's roles
    <root>/alerter/alert_urls      where alerts are sent
    <root>/vault/verifiers.psql    what Postgres checks passwords by; no password is in it
    <root>/postgres/verifiers.psql the same, handed over to Postgres, which is another user

In the team edition each folder is a volume of its own, mounted by its reader alone, read-only.
Postgres takes what is handed over into a volume of its own (deploy/postgres/verifiers.sh). A
connection reads its password when it is made, so that a rotated one needs no restart.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from control_plane.scram import verifier, verifies

ROLES = ("dagster", "viewer", "migrator", "user_code", "alerter", "analyst")
ALERT_URLS = "alert_urls"

# Reader → the database roles that it may be. A run is what user_code is, by a volume of its own.
READERS: Mapping[str, tuple[str, ...]] = {
    "migrate": ("dagster", "migrator"),
    "migrate_warehouse": ("migrator",),
    "user_code": ("dagster", "user_code"),
    "run": ("dagster", "user_code"),
    "webserver": ("dagster",),
    "viewer": ("viewer",),
    "daemon": ("dagster",),
    "janitor": ("dagster",),
    "alerter": ("alerter",),
    "analyst": ("analyst",),  # people: `make analyst-password`
}
PASSFILE = "pgpass"
VERIFIERS = "verifiers.psql"

# Recognisable: crash evidence can blot out a secret that it is not given, and scanners find one
# that has strayed. Older ones lack the beginning.
_BEGINNING = "assay-secret-"
GENERATED = re.compile(rf"(?:{_BEGINNING})?[0-9a-f]{{64}}")
_SALT_BYTES = 16
# They slow down whoever guesses a password from its verifier. Nobody guesses 256 random bits, and a
# run makes some fifty connections.
_ITERATIONS = 4096
_ITERATIONS_IF_GENERATED = 1


class SecretError(ValueError):
    """A secret cannot be what was asked; the message names it and holds nothing of it."""


class SecretFiles:
    """The folders below `root`. Files are made 0600, whole at once, by and for our own user.

    With `hand_over`, Postgres, another user, gets its verifiers by our group.
    """

    def __init__(
        self,
        root: Path,
        readers: Mapping[str, tuple[str, ...]] = READERS,
        *,
        hand_over: bool = True,
    ) -> None:
        self._root = root
        self._readers = readers
        self._hand_over = hand_over
        self._vault = root / "vault"

    def keep(self, *, for_postgres: bool = True) -> list[str]:
        """Make what is missing, and give each reader its own; the names of what was made.

        Without `for_postgres` nothing is handed over to Postgres.
        """
        made = []
        for name in (*ROLES, ALERT_URLS):
            if self._read(name) is None:
                self._write(self._vault / name, "" if name == ALERT_URLS else _fresh())
                made.append(name)
        self._hand_out(for_postgres=for_postgres)
        return made

    def rotate(self, name: str) -> None:
        """A new password for the role `name`. SecretError if there is no such role."""
        if name not in ROLES:
            raise SecretError(f"{name} is not a secret that we make: one of {', '.join(ROLES)}")
        self._write(self._vault / name, _fresh())
        self.keep()

    def set(self, name: str, value: str) -> None:
        """Take a secret from outside. SecretError if it is none of ours, or unusable."""
        if name not in (*ROLES, ALERT_URLS):
            raise SecretError(f"{name} is no secret of ours: one of {', '.join(ROLES)}, alert_urls")
        if name == ALERT_URLS:
            value = " ".join(value.split())
        elif name == "analyst":
            try:
                verifier(value, b"", 1)
            except ValueError as error:
                raise SecretError(f"{name}: {error}") from None
        elif not GENERATED.fullmatch(value):
            # Also: crash evidence would not know it.
            raise SecretError(f"{name} is chosen by chance: make rotate SECRET={name}")
        self._write(self._vault / name, value)
        # Where the alerter alone is concerned nobody takes what Postgres would be given.
        self.keep(for_postgres=name != ALERT_URLS)

    def get(self, name: str) -> str:
        """The value. SecretError if it was never made."""
        value = self._read(name)
        if value is None:
            raise SecretError(f"{name} is not there: `make up` makes it")
        return value

    def _hand_out(self, *, for_postgres: bool) -> None:
        for reader, roles in self._readers.items():
            lines = [f"*:*:*:{role}:{_escaped(self.get(role))}\n" for role in roles]
            self._write(self._root / reader / PASSFILE, "".join(lines))
        if "alerter" in self._readers:
            self._write(self._root / "alerter" / ALERT_URLS, self.get(ALERT_URLS))
        self._write_verifiers(hand_over=self._hand_over and for_postgres)

    def _write_verifiers(self, *, hand_over: bool) -> None:
        """`\\set` commands for psql; one that still fits stays, since each new one has new salt."""
        path = self._vault / VERIFIERS
        before = path.read_text(encoding="ascii") if path.exists() else ""
        known = dict(re.findall(r"^\\set (\w+)_password '(.*)'$", before, re.MULTILINE))
        lines = []
        for role in ROLES:
            password = self.get(role)
            text = known.get(role, "")
            if not verifies(text, password):
                generated = GENERATED.fullmatch(password)
                iterations = _ITERATIONS_IF_GENERATED if generated else _ITERATIONS
                text = verifier(password, secrets.token_bytes(_SALT_BYTES), iterations)
            lines.append(f"\\set {role}_password '{text}'\n")
        self._write(path, "".join(lines))
        if hand_over:
            # Postgres may take it away: the folder is the group's, too.
            handed_over = self._root / "postgres" / VERIFIERS
            self._write(handed_over, "".join(lines), mode=0o640)
            handed_over.parent.chmod(0o770)

    def _read(self, name: str) -> str | None:
        path = self._vault / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _write(self, path: Path, text: str, mode: int = 0o600) -> None:
        """Whole or not at all; a file that says the same already stays as it is."""
        content = text.encode()
        if path.exists() and path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        new.replace(path)


def _fresh() -> str:
    return _BEGINNING + secrets.token_hex(32)


def _escaped(value: str) -> str:
    """As libpq wants a field of its password file."""
    return value.replace("\\", "\\\\").replace(":", "\\:")
