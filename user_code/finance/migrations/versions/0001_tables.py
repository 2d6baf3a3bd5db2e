"""The tables of the financial domain: columns as in domain/contracts.py."""

from alembic import op

revision = "finance_0001"
down_revision = None

# Not keyed by the transaction id alone: a day is replaced by itself, in its own transaction, so
# that an id may be in two days for a moment, after a correction has moved it.
_TABLES = """
CREATE TABLE finance.financial_transactions (
    source text NOT NULL,
    transaction_id text NOT NULL,
    booked_at timestamptz NOT NULL,
    date date NOT NULL,
    account_id text NOT NULL,
    category text NOT NULL,
    amount numeric(38, 4) NOT NULL,
    currency text NOT NULL,
    file_date date NOT NULL,
    file text NOT NULL,
    line bigint NOT NULL,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (file_date, source, transaction_id)
);
CREATE TABLE finance.daily_summary (
    file_date date NOT NULL,
    date date NOT NULL,
    source text NOT NULL,
    currency text NOT NULL,
    total_amount numeric(38, 4) NOT NULL,
    transaction_count bigint NOT NULL,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (file_date, date, source, currency)
);
CREATE TABLE finance.category_statistics (
    file_date date NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    count bigint NOT NULL,
    avg_amount double precision NOT NULL,
    median double precision NOT NULL,
    total numeric(38, 4) NOT NULL,
    share double precision,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (file_date, category, currency)
);
CREATE TABLE finance.historical_data (
    date date NOT NULL,
    source text NOT NULL,
    currency text NOT NULL,
    total_amount numeric(38, 4) NOT NULL,
    transaction_count bigint NOT NULL,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, source, currency)
);
CREATE TABLE finance.anomaly_detection (
    date date NOT NULL,
    source text NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    score double precision,
    expected_total double precision,
    observed_total numeric(38, 4),
    expected_count double precision,
    observed_count bigint,
    reason text NOT NULL,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, source, currency)
);
"""


def upgrade() -> None:
    """All five tables, empty."""
    op.execute(_TABLES)
