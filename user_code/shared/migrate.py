"""`python -m user_code.shared.migrate`: bring the domains' schemas up to date. Safe to run again.

A domain `<name>` keeps its revisions in `user_code/<name>/migrations/versions/`; they make tables
in the schema `<name>`, and only ever add. Which ones were applied is in `<name>.migrations`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg2
import sqlalchemy
from alembic import command
from alembic.config import Config

from user_code.settings import SettingsError, settings
from user_code.shared.warehouse import Warehouse

# Any constant of our own: two migrations at once would both see a table lacking and both make it.
_LOCK = 0x41535342

_PACKAGE = Path(__file__).parents[1]

_ROWS = "SELECT, INSERT, UPDATE, DELETE"


def domains(package: Path = _PACKAGE) -> list[str]:
    """Names of the packages in `package` that have migrations; each is also a schema's name."""
    return sorted(path.parents[1].name for path in package.glob("*/migrations/versions"))


def migrate(dsn: str, package: Path = _PACKAGE) -> list[str]:
    """Apply all lacking revisions to the database at `dsn` in one transaction; returns domains.

    The role must own the database (it is `migrator`), and the roles `user_code` and `analyst` must
    exist: they are granted rows to write and to read. Raises sqlalchemy or psycopg2 errors.
    """
    warehouse = Warehouse(dsn)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg2://", creator=warehouse.connect, poolclass=sqlalchemy.pool.NullPool
    )
    found = domains(package)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL client_min_messages = warning")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        for domain in found:
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{domain}"')
            command.upgrade(_config(connection, package / domain / "migrations", domain), "head")
            _grant(connection, domain)
    return found


def _config(connection: sqlalchemy.Connection, folder: Path, schema: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_PACKAGE / "shared/migration_environment"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(folder / "versions"))
    config.attributes.update(connection=connection, schema=schema)
    return config


def _grant(connection: sqlalchemy.Connection, schema: str) -> None:
    for statement in (
        f'GRANT USAGE ON SCHEMA "{schema}" TO user_code, analyst',
        f'GRANT {_ROWS} ON ALL TABLES IN SCHEMA "{schema}" TO user_code',
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{schema}" TO user_code',
        f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO analyst',
        # What was applied is the migrator's to say.
        f'REVOKE INSERT, UPDATE, DELETE ON "{schema}".migrations FROM user_code',
    ):
        connection.exec_driver_sql(statement)


def main() -> int:
    """Migrate the warehouse that the environment names; exit code 1 and one line if it fails."""
    try:
        found = migrate(settings().warehouse_dsn("migrator"))
    except (SettingsError, psycopg2.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        print(f"migrate: {str(error).strip()}", file=sys.stderr)
        return 1
    print(f"schemas up to date: {', '.join(found) or 'none yet'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
