"""Views for people: stable names and columns, whatever the tables gain later."""

from alembic import op

revision = "finance_0003"
down_revision = "finance_0002"

_VIEWS = """
CREATE VIEW finance.daily_totals AS
SELECT
    date,
    source,
    currency,
    sum(total_amount) AS total_amount,
    sum(transaction_count)::bigint AS transaction_count
FROM finance.daily_summary
GROUP BY date, source, currency;
COMMENT ON VIEW finance.daily_totals IS
'All transactions of a date by source and currency, as of the newest run of daily_summary.';
CREATE VIEW finance.category_totals AS
SELECT
    date,
    source,
    category,
    currency,
    sum(amount) AS total_amount,
    count(*) AS transaction_count
FROM finance.financial_transactions
GROUP BY date, source, category, currency;
COMMENT ON VIEW finance.category_totals IS
'All transactions of a date by source, category and currency.';
CREATE VIEW finance.unusual_days AS
SELECT
    date,
    source,
    currency,
    kind,
    score,
    expected_total,
    observed_total,
    expected_count,
    observed_count,
    reason
FROM finance.anomaly_detection;
COMMENT ON VIEW finance.unusual_days IS
'Days unlike the same weekdays before, with the reason in words.';
"""


def upgrade() -> None:
    """Three views; the role analyst reads them, as all of the schema."""
    op.execute(_VIEWS)
