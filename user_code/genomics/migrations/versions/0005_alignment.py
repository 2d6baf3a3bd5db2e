"""What left-alignment did to a call set."""

from alembic import op

revision = "genomics_0005"
down_revision = "genomics_0004"


def upgrade() -> None:
    """Add the columns, empty for what was computed before."""
    op.execute("""
ALTER TABLE genomics.raw_genomic_data
    ADD COLUMN n_realigned bigint,
    ADD COLUMN n_duplicates bigint,
    ADD COLUMN reference text
""")
