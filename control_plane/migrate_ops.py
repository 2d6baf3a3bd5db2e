"""`python -m control_plane.migrate_ops`: bring the schema `ops` up to date. Safe to run again."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import psycopg2

from control_plane.settings import SettingsError, settings

# Any constant of our own: two migrations at once would both see a table lacking and both make it.
_LOCK = 0x41535341

OPS_SQL = Path(__file__).with_name("ops.sql")


def migrate_ops(dsn: str) -> None:
    """Apply ops.sql to the database at `dsn` in one transaction.

    The role must own the database or the schema `ops` (it is `migrator`), and the roles that are
    granted something (user_code, alerter, analyst) must exist. Raises psycopg2.Error.
    """
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = warning")  # no notice for what exists
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        cursor.execute(OPS_SQL.read_text(encoding="utf-8"))


def main() -> int:
    """Migrate the warehouse that the environment names; exit code 1 and one line if it fails."""
    try:
        migrate_ops(settings().warehouse_dsn("migrator"))
    except (SettingsError, psycopg2.Error) as error:
        print(f"migrate_ops: {str(error).strip()}", file=sys.stderr)
        return 1
    print("schema ops is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
