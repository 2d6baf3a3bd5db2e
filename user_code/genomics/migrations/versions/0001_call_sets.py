"""The first tables: what arrived, and the variants of each call set."""

from alembic import op

revision = "genomics_0001"
down_revision = None


def upgrade() -> None:
    """Make both tables. `call_set` is the partition; a run replaces all rows of its own."""
    op.execute("""
CREATE TABLE genomics.raw_genomic_data (
    call_set text NOT NULL,
    form text NOT NULL,
    reader text NOT NULL,
    n_files integer NOT NULL,
    n_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    n_samples integer NOT NULL,
    n_records bigint NOT NULL,
    n_variants bigint NOT NULL,
    n_multiallelic bigint,
    n_passing bigint NOT NULL,
    n_low_quality bigint NOT NULL,
    n_missing_quality bigint NOT NULL,
    min_qual double precision NOT NULL,
    genome_build text,
    contig_naming text,
    contigs_declared boolean,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
""")
    op.execute("ALTER TABLE genomics.raw_genomic_data ADD PRIMARY KEY (call_set)")
    op.execute("""
CREATE TABLE genomics.variant_analysis (
    call_set text NOT NULL,
    chrom text,
    pos bigint,
    "ref" text,
    alt text,
    variant_id text NOT NULL,
    site_id text,
    qual real,
    "filter" text,
    passes boolean NOT NULL,
    reason text,
    ac integer,
    an integer,
    af double precision,
    n_samples integer NOT NULL,
    n_called integer,
    n_missing integer,
    call_rate double precision,
    n_hom_ref integer,
    n_het integer,
    n_hom_alt integer,
    n_hemi integer,
    mean_dp double precision,
    mean_gq double precision,
    hwe_p double precision,
    sample_count integer NOT NULL,
    avg_quality double precision,
    variant_type text NOT NULL,
    is_transition boolean,
    is_singleton boolean,
    run_id text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
""")
    # Not unique: a call set may list a variant twice, which an asset check reports.
    op.execute("CREATE INDEX ON genomics.variant_analysis (call_set, chrom, pos)")
    op.execute("CREATE INDEX ON genomics.variant_analysis (variant_id)")
