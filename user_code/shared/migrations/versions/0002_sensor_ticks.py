"""How far the ticks whose alerts are committed came: user_code/shared/committed_ticks.py."""

from __future__ import annotations

from alembic import op

revision = "shared_0002"
down_revision = "shared_0001"


def upgrade() -> None:
    """One row per sensor: the cursor that its last tick was given, and the one that it gave."""
    op.execute("""
        CREATE TABLE shared.sensor_ticks (
            sensor  text PRIMARY KEY,
            given   text,
            reached text
        )
    """)
