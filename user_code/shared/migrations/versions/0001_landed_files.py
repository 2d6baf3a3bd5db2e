"""What the landing sensors remember of each file: see user_code/shared/landing_memory.py."""

from __future__ import annotations

from alembic import op

revision = "shared_0001"
down_revision = None


def upgrade() -> None:
    """One row per sensor and path."""
    op.execute("""
        CREATE TABLE shared.landed_files (
            sensor      text   NOT NULL,
            path        text   NOT NULL,
            partition   text   NOT NULL,
            fingerprint text   NOT NULL,
            stamp       text   NOT NULL,
            changes     integer NOT NULL,
            tick        bigint NOT NULL,
            PRIMARY KEY (sensor, path)
        )
    """)
