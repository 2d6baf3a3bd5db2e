"""Excess of heterozygotes, genotypes of high quality; inbreeding and sex of samples."""

from alembic import op

revision = "genomics_0003"
down_revision = "genomics_0002"


def upgrade() -> None:
    """Add the columns, empty for what was computed before."""
    op.execute("""
ALTER TABLE genomics.variant_analysis
    ADD COLUMN exc_het_p double precision,
    ADD COLUMN inbreeding_f double precision,
    ADD COLUMN ac_adj integer,
    ADD COLUMN an_adj integer,
    ADD COLUMN af_adj double precision,
    ADD COLUMN n_het_adj integer,
    ADD COLUMN n_hom_alt_adj integer,
    ADD COLUMN adj_fields text
""")
    op.execute("""
ALTER TABLE genomics.sample_qc
    ADD COLUMN inbreeding_f double precision,
    ADD COLUMN f_x double precision,
    ADD COLUMN sex_by_x text
""")
