"""Summaries by the rows' date and category, base amounts, control totals, and more views."""

from alembic import op

revision = "finance_0004"
down_revision = "finance_0003"

# Code of the version before may still write: what it knows stays, and what it doesn't is null.
_CHANGES = """
ALTER TABLE finance.financial_transactions
    ADD COLUMN month_to_date numeric(38, 4),
    ADD COLUMN amount_base numeric(38, 4),
    ADD COLUMN rate_date date;
ALTER TABLE finance.daily_summary
    DROP CONSTRAINT daily_summary_pkey,
    ALTER COLUMN file_date DROP NOT NULL,
    ADD COLUMN category text,
    ADD COLUMN median double precision,
    ADD COLUMN share double precision;
COMMENT ON COLUMN finance.daily_summary.file_date IS 'Not filled any more.';
CREATE UNIQUE INDEX daily_summary_key
    ON finance.daily_summary (date, source, currency, category);
ALTER TABLE finance.category_statistics
    DROP CONSTRAINT category_statistics_pkey,
    ALTER COLUMN file_date DROP NOT NULL,
    ADD COLUMN date date;
COMMENT ON COLUMN finance.category_statistics.file_date IS 'Not filled any more.';
UPDATE finance.category_statistics SET date = file_date;
CREATE UNIQUE INDEX category_statistics_key
    ON finance.category_statistics (date, category, currency);
CREATE TABLE finance.exchange_rates (
    date date NOT NULL,
    currency text NOT NULL,
    rate numeric(38, 10) NOT NULL,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, currency)
);
COMMENT ON COLUMN finance.exchange_rates.rate IS 'Units of the currency for one euro.';
CREATE VIEW finance.transactions_in_base AS
SELECT
    date,
    source,
    transaction_id,
    account_id,
    category,
    amount,
    currency,
    amount_base,
    rate_date,
    CASE WHEN amount_base IS NULL THEN 'no rate' ELSE 'converted' END AS state
FROM finance.financial_transactions;
COMMENT ON VIEW finance.transactions_in_base IS
'Each transaction with its amount in the base currency, or the state that no rate is known.';
"""


def upgrade() -> None:
    """Only adds, but for two keys that give way to others."""
    op.execute(_CHANGES)
