"""The call set as a whole."""

from alembic import op

revision = "genomics_0004"
down_revision = "genomics_0003"


def upgrade() -> None:
    """One row per call set."""
    op.execute("""
    CREATE TABLE genomics.cohort_qc (
        call_set text PRIMARY KEY,
        n_samples integer NOT NULL,
        n_variants bigint NOT NULL,
        n_passing bigint NOT NULL,
        n_snp bigint NOT NULL,
        n_insertion bigint NOT NULL,
        n_deletion bigint NOT NULL,
        n_other bigint NOT NULL,
        n_ti bigint NOT NULL,
        n_tv bigint NOT NULL,
        r_ti_tv double precision,
        r_ti_tv_passing double precision,
        n_singleton bigint,
        n_monomorphic bigint,
        call_rate double precision,
        n_hwe_extreme bigint,
        n_exc_het_extreme bigint,
        spectrum text,
        n_unusual_samples integer NOT NULL,
        n_female integer,
        n_male integer,
        genome_build text,
        contig_naming text,
        thresholds text NOT NULL,
        software text NOT NULL,
        run_id text NOT NULL,
        loaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """)
