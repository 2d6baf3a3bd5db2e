"""Who may log in at the gateway: `python -m control_plane.logins`.

    add NAME ROLE     a new login; prints its generated password, this once
    password NAME     a new password for it
    remove NAME       it can no longer log in
    list              names and roles
    first             if there is none yet: a login `admin`
    init              the file, if it is missing

They are lines of one file, `name role bcrypt-hash`, which the gateway reads again a few seconds
after a change. A password is kept nowhere.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from control_plane.settings import settings

ROLES = ("admin", "viewer")

# Digits and letters that nobody takes for another; 32 of them: five bits each.
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
_GROUPS, _GROUP_LENGTH = 5, 5
# The passwords are random: none can be guessed, however fast. More would let strangers, whose wrong
# passwords are hashed too, keep the gateway busy.
_BCRYPT_ROUNDS = 10
# The gateway's configuration is made of names: nothing in them may mean anything there.
_NAME = re.compile(r"(?!(?:import|default)$)[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class LoginError(ValueError):
    """What was asked for cannot be done; the message says what to do."""


@dataclass(frozen=True)
class Login:
    """One line of the file."""

    name: str
    role: str
    password_hash: str


class Logins:
    """The file of logins, readable for its owner alone; a change holds a lock, and replaces it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "users"

    def all(self) -> list[Login]:
        """Every login, by name."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return sorted((Login(*line.split()) for line in lines if line), key=lambda one: one.name)

    def init(self) -> None:
        """Make the file, without a login, if it is missing."""
        with self._changing() as logins:
            if not self.file.exists():
                self._write(logins)

    def add(self, name: str, role: str) -> str:
        """A new login; its password. LoginError if there is one of that name, or no such role."""
        if role not in ROLES:
            raise LoginError(f"there is no role {role!r}: ROLE is one of {', '.join(ROLES)}")
        if _NAME.fullmatch(name) is None:
            raise LoginError(
                f"{name!r} is no name for a login: letters, digits and . _ @ - will do"
            )
        with self._changing() as logins:
            if name in logins:
                raise LoginError(
                    f"{name} is there already, as {logins[name].role}. A new password: make"
                    f" user-password NAME={name}; another role: make user-remove first"
                )
            return self._set_password(logins, name, role)

    def first(self) -> str | None:
        """The first login, `admin`; its password. None if there is any login."""
        with self._changing() as logins:
            return None if logins else self._set_password(logins, "admin", "admin")

    def new_password(self, name: str) -> str:
        """Another password for a login, which it returns. LoginError if there is none."""
        with self._changing() as logins:
            return self._set_password(logins, name, self._known(logins, name).role)

    def remove(self, name: str) -> None:
        """Take a login away. LoginError if there is none of that name."""
        with self._changing() as logins:
            del logins[self._known(logins, name).name]
            self._write(logins)

    def _set_password(self, logins: dict[str, Login], name: str, role: str) -> str:
        password = generated_password()
        salt = bcrypt.gensalt(_BCRYPT_ROUNDS)
        logins[name] = Login(name, role, bcrypt.hashpw(password.encode(), salt).decode())
        self._write(logins)
        return password

    def _known(self, logins: dict[str, Login], name: str) -> Login:
        if name not in logins:
            raise LoginError(f"there is no login {name!r}: make users lists them")
        return logins[name]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Login]]:
        with self.file.with_name(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield {login.name: login for login in self.all()}

    def _write(self, logins: dict[str, Login]) -> None:
        new = self.file.with_name(".users.new")
        new.unlink(missing_ok=True)
        lines = [f"{one.name} {one.role} {one.password_hash}\n" for one in logins.values()]
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.file)


def generated_password() -> str:
    """A password of 125 random bits, in groups that can be read out."""
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
    return "-".join(groups)


def main(words: Sequence[str]) -> int:
    """Do what the words say (above); the exit code."""
    logins = Logins(Path(settings().root) / "logins")
    try:
        match words:
            case ["add", name, role]:
                _show(name, role, logins.add(name, role))
            case ["password", name]:
                _show(name, "", logins.new_password(name))
            case ["remove", name]:
                logins.remove(name)
                print(f"{name} can no longer log in.")
            case ["list"]:
                print("".join(f"{one.role:8} {one.name}\n" for one in logins.all()), end="")
            case ["first"]:
                if password := logins.first():
                    print(f"admin {password}")
            case ["init"]:
                logins.init()
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except LoginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _show(name: str, role: str, password: str) -> None:
    print(f"login     {name}{f' ({role})' if role else ''}")
    print(f"password  {password}")
    print("It is shown this once, and holds within seconds.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
