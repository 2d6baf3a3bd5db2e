"""Asset checks: the published files are what their contracts and facts say."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from user_code.genomics.assets import CALL_SETS
from user_code.genomics.domain.contracts import (
    COHORT_QC,
    QUALITY_FILTERED_GENOTYPES,
    QUALITY_FILTERED_OBSERVATIONS,
    QUALITY_FILTERED_VARIANTS,
    RAW_GENOMIC_DATA,
    SAMPLE_QC,
    VARIANT_ANALYSIS,
    Contract,
)
from user_code.genomics.quarantine import DOMAIN
from user_code.shared.publishing import Publisher


def _schema_check(*contracts: Contract) -> dg.AssetChecksDefinition:
    """The file's columns and types are those of one of the contracts."""

    @dg.asset_check(
        asset=contracts[0].name,
        name="schema",
        description="Columns, their order and types are the contract's.",
        partitions_def=CALL_SETS,
    )
    def schema(context: dg.AssetCheckExecutionContext, publisher: Publisher) -> dg.AssetCheckResult:
        rows = publisher.store.scan(DOMAIN, contracts[0].name, [context.partition_key])
        return check_schema(rows.collect_schema(), contracts)

    return schema


def check_schema(found: pl.Schema, contracts: Sequence[Contract]) -> dg.AssetCheckResult:
    """Passes if `found` equals one contract's schema, order included; else says what differs."""
    passed = any(list(found.items()) == list(contract.schema.items()) for contract in contracts)
    nearest = min(
        (set(found.items()) ^ set(contract.schema.items()) for contract in contracts), key=len
    )
    differs = sorted({name for name, _ in nearest})
    return dg.AssetCheckResult(passed=passed, metadata={"differs": ", ".join(differs) or "no"})


@dg.asset_check(
    asset=QUALITY_FILTERED_VARIANTS.name,
    name="counts_conserved",
    description="What came in is kept or was dropped with a reason, and the file holds the kept.",
    blocking=True,
    partitions_def=CALL_SETS,
)
def counts_conserved(
    context: dg.AssetCheckExecutionContext, publisher: Publisher
) -> dg.AssetCheckResult:
    key, store = [context.partition_key], publisher.store
    facts = store.scan(DOMAIN, RAW_GENOMIC_DATA.name, key).collect().row(0, named=True)
    kept = store.scan(DOMAIN, QUALITY_FILTERED_VARIANTS.name, key).select(pl.len()).collect().item()
    came = facts["n_records"] if facts["form"] == "parquet" else facts["n_variants"]
    dropped = facts["n_low_quality"] + facts["n_missing_quality"]
    return dg.AssetCheckResult(
        passed=came == kept + dropped and kept == facts["n_passing"],
        metadata={"in": came, "kept": kept, "dropped": dropped},
    )


@dg.asset_check(
    asset=VARIANT_ANALYSIS.name,
    name="variants_unique",
    description="Each variant has one row. A call set that lists a variant twice is usable, but "
    "counts it twice: bcftools norm -d exact removes the doubles.",
    partitions_def=CALL_SETS,
)
def variants_unique(
    context: dg.AssetCheckExecutionContext, publisher: Publisher
) -> dg.AssetCheckResult:
    rows = publisher.store.scan(DOMAIN, VARIANT_ANALYSIS.name, [context.partition_key])
    doubled = (
        rows.group_by(VARIANT_ANALYSIS.key)
        .len()
        .select((pl.col("len") - 1).sum())
        .collect(engine="streaming")
        .item()
    )
    return dg.AssetCheckResult(
        passed=doubled == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"doubled_rows": int(doubled)},
    )


CHECKS = [
    _schema_check(RAW_GENOMIC_DATA),
    _schema_check(
        QUALITY_FILTERED_VARIANTS, QUALITY_FILTERED_OBSERVATIONS, QUALITY_FILTERED_GENOTYPES
    ),
    _schema_check(VARIANT_ANALYSIS),
    _schema_check(SAMPLE_QC),
    _schema_check(COHORT_QC),
    counts_conserved,
    variants_unique,
]
