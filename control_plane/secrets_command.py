"""`python -m control_plane.secrets_command`: makes, rotates and hands out this Assay's secrets.

    keep           what is missing is made, each reader gets its own: the service `secrets`
    rotate NAME    a new password for a database role, or for `all`
    set NAME       the value from standard input
    carry-over     lines of an older .env from standard input, ASSAY_<ROLE>_PASSWORD=value
    show NAME      print it, for people: the analyst's password

No value is ever taken from the command line, where every user of the machine could read it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from control_plane.secret_files import ROLES, SecretError, SecretFiles

ROOT = Path("/secrets")
_LINE = re.compile(r"^ASSAY_([A-Z_]+)_PASSWORD=(.+)$", re.MULTILINE)
# What .env.example said until passwords became files: everybody knows it.
_EXAMPLE = re.compile(r"example-[a-z-]+")


def carry_over(files: SecretFiles, text: str) -> list[str]:
    """Take an older Assay's passwords; the roles whose password is kept.

    One that everybody knows, or that is of no use, is replaced by a new one instead.
    """
    kept = []
    for name, value in _LINE.findall(text):
        role = name.lower()
        if role in ROLES and not _EXAMPLE.fullmatch(value):
            try:
                files.set(role, value)
            except SecretError as error:
                print(f"secrets: {error}: a new one is made", file=sys.stderr)
            else:
                kept.append(role)
    files.keep()
    return kept


def main(given: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Do what is asked; exit code 1 and one line if it cannot be done."""
    parser = argparse.ArgumentParser(prog="secrets", description=__doc__)
    parser.add_argument("word", choices=["keep", "rotate", "set", "carry-over", "show"])
    parser.add_argument("name", nargs="?", default="")
    asked = parser.parse_args(given)
    files = SecretFiles(root)
    try:
        if asked.word == "keep":
            made = files.keep()
            print(f"secrets: made {', '.join(made)}" if made else "secrets: all are there")
        elif asked.word == "rotate":
            for name in ROLES if asked.name == "all" else (asked.name,):
                files.rotate(name)
        elif asked.word == "set":
            files.set(asked.name, sys.stdin.read().strip())
        elif asked.word == "carry-over":
            kept = carry_over(files, sys.stdin.read())
            print(f"secrets: kept {', '.join(kept) or 'none'}")
        else:
            print(files.get(asked.name))
    except SecretError as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"secrets: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
