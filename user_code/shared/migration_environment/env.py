"""Alembic's environment, the same for every domain. Run by alembic, never imported."""

from __future__ import annotations

from alembic import context

options = context.config.attributes
context.configure(
    connection=options["connection"],
    version_table="migrations",
    version_table_schema=options["schema"],
)
with context.begin_transaction():
    context.run_migrations()
