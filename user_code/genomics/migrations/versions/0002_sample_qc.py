"""Quality of each sample."""

from alembic import op

revision = "genomics_0002"
down_revision = "genomics_0001"


def upgrade() -> None:
    """One row per call set and sample."""
    op.execute("""
    CREATE TABLE genomics.sample_qc (
        call_set text NOT NULL,
        sample_id text NOT NULL,
        n_variants bigint NOT NULL,
        n_called bigint,
        n_missing bigint,
        call_rate double precision,
        n_hom_ref bigint,
        n_het bigint,
        n_hom_alt bigint,
        n_hemi bigint,
        r_het_hom double precision,
        n_singleton bigint,
        n_ti bigint,
        n_tv bigint,
        r_ti_tv double precision,
        n_ins bigint,
        n_del bigint,
        mean_dp double precision,
        mean_gq double precision,
        outlier_by text,
        run_id text NOT NULL,
        loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (call_set, sample_id)
    )
    """)
