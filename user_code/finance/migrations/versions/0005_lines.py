"""Expectations by line, the lines that drive a finding, and what people say of a day."""

from alembic import op

revision = "finance_0005"
down_revision = "finance_0004"

# Code of the version before may still write: what it doesn't know is null.
_CHANGES = """
ALTER TABLE finance.anomaly_detection
    ADD COLUMN lines text,
    ADD COLUMN marked text;
COMMENT ON COLUMN finance.anomaly_detection.lines IS
'The lines that moved the total most, separated by semicolons.';
CREATE TABLE finance.anomaly_model (
    date date NOT NULL,
    source text NOT NULL,
    currency text NOT NULL,
    line text NOT NULL,
    observed double precision,
    expected double precision,
    usual double precision,
    scale double precision,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (date, source, currency, line)
);
COMMENT ON TABLE finance.anomaly_model IS
'What was to be expected of a line on a date, one step ahead: sizes, without sign.';
CREATE OR REPLACE VIEW finance.unusual_days AS
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
    reason,
    lines,
    marked
FROM finance.anomaly_detection;
COMMENT ON VIEW finance.unusual_days IS
'Days far from what was to be expected, with the reason in words and the lines that drive them.';
"""


def upgrade() -> None:
    """Only adds."""
    op.execute(_CHANGES)
