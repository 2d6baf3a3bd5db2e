"""Differences between what a feed states for the month to date and what its amounts give."""

from alembic import op

revision = "finance_0006"
down_revision = "finance_0005"

_TABLE = """
CREATE TABLE finance.reconciliation (
    date date NOT NULL,
    source text NOT NULL,
    currency text NOT NULL,
    line text NOT NULL,
    previous numeric(38, 4),
    amount numeric(38, 4) NOT NULL,
    expected numeric(38, 4) NOT NULL,
    stated numeric(38, 4) NOT NULL,
    difference numeric(38, 4) NOT NULL,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, source, currency, line)
);
COMMENT ON COLUMN finance.reconciliation.difference IS
'What the feed states less what was expected: the previous total and the amount.';
"""


def upgrade() -> None:
    """One table, empty."""
    op.execute(_TABLE)
