"""`assay`: the domains' computations from the command line, without Dagster, Postgres or Docker.

Each domain adds its own commands (``user_code/<domain>/command_line.py``); here is only what
they share: one parser, and errors that are one line long with exit status 2. Neither Dagster nor
a database driver may be imported from here: a laptop with the package alone must be enough.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from user_code import __version__

DOMAINS = ("genomics", "finance")


class OneLineParser(argparse.ArgumentParser):
    """A parser whose refusals are one line, as those of the commands are; --help has the rest."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `assay` with ``argv`` (default: the process's arguments) and return its exit status.

    0: done. 2: the arguments or the input were refused; standard error says in one line what was
    wrong and what to do. A fault of our own keeps its traceback.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    options = _parser(arguments).parse_args(arguments)
    try:
        status = options.func(options)
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    except SystemExit as stop:
        if isinstance(stop.code, str):
            return _refuse(stop.code)
        raise
    return status if isinstance(status, int) else 0


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of all domains' commands; only the domain that is asked for is imported."""
    parser = OneLineParser(
        prog="assay",
        description="Genomic and financial computations on files, without a running platform.",
    )
    parser.add_argument("--version", action="version", version=f"assay {__version__}")
    domains = parser.add_subparsers(dest="domain", metavar="DOMAIN", required=True)
    for name in DOMAINS:
        domain = domains.add_parser(name, help=f"commands of the {name} domain")
        # Polars and htslib take a second to load, which `assay --version` need not wait for.
        if name in arguments[:1]:
            commands = domain.add_subparsers(dest="command", metavar="COMMAND", required=True)
            importlib.import_module(f"user_code.{name}.command_line").add_commands(commands)
    return parser


def _refuse(message: str) -> int:
    one_line = " ".join(message.split())
    print(f"assay: {one_line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
