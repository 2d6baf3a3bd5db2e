"""A function for exports to spreadsheets: texts that these would run are made plain."""

from alembic import op

revision = "finance_0007"
down_revision = "finance_0006"

# As domain/formula_cells.py, which a test compares.
_FUNCTION = r"""
CREATE FUNCTION finance.plain_cell(cell text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE
        WHEN cell ~ E'^[=@\t\r\n＝＠]'
            OR cell ~ '^[+＋－-]' AND cell !~ '^[+-][0-9]+([.,][0-9]+)*$'
        THEN '''' || cell
        ELSE cell
    END;
COMMENT ON FUNCTION finance.plain_cell IS
'A text as a spreadsheet may have it: what would begin a formula gets an apostrophe before it.';
"""


def upgrade() -> None:
    """One function; every role may call it."""
    op.execute(_FUNCTION)
