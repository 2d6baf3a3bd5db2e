"""Days that must be read again, as a late or corrected file moved their duplicates."""

from alembic import op

revision = "finance_0002"
down_revision = "finance_0001"


def upgrade() -> None:
    """One row per day; see user_code/finance/recompute.py."""
    op.execute("""
        CREATE TABLE finance.days_to_recompute (
            day date PRIMARY KEY,
            rounds integer NOT NULL,
            run_id text NOT NULL,
            loaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
    """)
