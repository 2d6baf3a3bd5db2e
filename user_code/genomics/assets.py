"""The genomic lineage: one pass over a call set gives all of its tables."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from user_code.genomics.config import GenomicsQcConfig
from user_code.genomics.domain.call_set import find_call_set
from user_code.genomics.domain.call_set_pass import compute
from user_code.genomics.domain.contracts import (
    COHORT_QC,
    QUALITY_FILTERED_GENOTYPES,
    QUALITY_FILTERED_VARIANTS,
    RAW_GENOMIC_DATA,
    SAMPLE_QC,
    VARIANT_ANALYSIS,
    Contract,
)
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.report import draw_all, render_report
from user_code.genomics.progress import log_progress
from user_code.genomics.quarantine import DOMAIN, absolve, refuse
from user_code.genomics.run_metadata import extra_metadata
from user_code.settings import settings
from user_code.shared.partition_keys import PartitionKeyError, check_partition_key
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import Attempt, Publisher
from user_code.shared.reports import report_url, stage_report
from user_code.shared.run_facts import materialization_metadata
from user_code.shared.store import StagedFile, file_metadata

CALL_SETS = dg.DynamicPartitionsDefinition(name="call_set")
CODE_VERSION = "2"


def _spec(contract: Contract, deps: list[str], kinds: set[str], notes: str = "") -> dg.AssetSpec:
    columns = "\n".join(f"- `{column.name}`: {column.description}" for column in contract.columns)
    return dg.AssetSpec(
        contract.name,
        deps=deps,
        description=f"{contract.description}{notes}\n\n{columns}",
        group_name=DOMAIN,
        owners=["team:genomics"],
        kinds=kinds,
        code_version=CODE_VERSION,
    )


_LONG_FORM = (
    "\n\nFrom a call set in long-form Parquet it holds the passing rows as they came: "
    f"{', '.join(f'`{name}`' for name in QUALITY_FILTERED_GENOTYPES.names)} (the last three where "
    "the input has one of them)."
)


@dg.multi_asset(
    name="call_set_qc",
    specs=[
        _spec(RAW_GENOMIC_DATA, [], {"vcf", "parquet", "postgres"}),
        _spec(
            QUALITY_FILTERED_VARIANTS, [RAW_GENOMIC_DATA.name], {"polars", "parquet"}, _LONG_FORM
        ),
        _spec(
            VARIANT_ANALYSIS,
            [QUALITY_FILTERED_VARIANTS.name],
            {"polars", "parquet", "postgres"},
        ),
        _spec(SAMPLE_QC, [QUALITY_FILTERED_VARIANTS.name], {"polars", "parquet", "postgres"}),
        _spec(
            COHORT_QC, [VARIANT_ANALYSIS.name, SAMPLE_QC.name], {"polars", "parquet", "postgres"}
        ),
    ],
    partitions_def=CALL_SETS,
)
def call_set_qc(
    context: dg.AssetExecutionContext, config: GenomicsQcConfig, publisher: Publisher
) -> Iterator[dg.MaterializeResult[Any]]:
    """Inspect the call set whole, compute all tables in one pass, publish them together."""
    started = time.monotonic()
    try:
        key = check_partition_key(context.partition_key)
    except PartitionKeyError as error:
        fail_permanently(context, str(error))
    with ExitStack() as attempts:
        raw_data = attempts.enter_context(publisher.attempt(context, DOMAIN, RAW_GENOMIC_DATA.name))
        # One start for all: of two runs that overlap, the same one is the newer for each table.
        filtered_data, analysis, samples, cohort = (
            replace(raw_data, asset=contract.name)
            for contract in (QUALITY_FILTERED_VARIANTS, VARIANT_ANALYSIS, SAMPLE_QC, COHORT_QC)
        )
        filtered_path, analysis_path = (
            publisher.store.temporary_path(DOMAIN, attempt.asset, key, attempt.run_id)
            for attempt in (filtered_data, analysis)
        )
        for path in (filtered_path, analysis_path):
            attempts.callback(path.unlink, missing_ok=True)
        try:
            computed = compute(
                find_call_set(settings().landing / DOMAIN, key),
                config.limits(),
                filtered_path,
                analysis_path,
                most_bytes=config.max_expanded_gb * 1e9,
                footer=partial(file_metadata, raw_data.run_id),
                progress=log_progress(context.log),
                reference=_reference(config.reference),
            )
        except RefusedInputError as error:
            refuse(raw_data, publisher.base, key, error, config.max_quarantine_gb * 1e9)
        pictures = draw_all(analysis_path, computed.sample_qc)
        # All files are whole before the first one is published. The report, too, is behind the
        # fence: a run whose call set was forgotten meanwhile publishes none.
        report = stage_report(
            publisher.base, DOMAIN, key, render_report(computed, pictures), analysis.run_id
        )
        attempts.callback(report.discard)
        frames: list[tuple[Attempt, pl.DataFrame | StagedFile, str | None]] = [
            (raw_data, computed.raw_genomic_data, "genomics.raw_genomic_data"),
            (filtered_data, _stage(filtered_data, filtered_path, key, computed.sha256), None),
            (
                analysis,
                _stage(analysis, analysis_path, key, computed.sha256),
                "genomics.variant_analysis",
            ),
            (samples, computed.sample_qc, "genomics.sample_qc"),
            (cohort, computed.cohort_qc, "genomics.cohort_qc"),
        ]
        published = {
            attempt.asset: attempt.publish(
                {key: frame},
                beside={key: [report]} if attempt is cohort else None,
                table=table,
                partition_column="call_set" if table else None,
                input_sha256=computed.sha256,
            )[key]
            for attempt, frame, table in frames
        }
    absolve(analysis, publisher.base, key)
    place = str(report.target.relative_to(publisher.base))
    served = settings().reports_url
    url = report_url(served, DOMAIN, key) if served else None
    extra = extra_metadata(computed, pictures, place, url)
    for asset, file in published.items():
        yield dg.MaterializeResult(
            asset_key=asset,
            metadata=materialization_metadata(
                file, seconds=time.monotonic() - started, extra=extra[asset]
            ),
        )


def _reference(name: str) -> Path | None:
    """The FASTA of that name; RefusedInputError if it isn't there or can't be read."""
    if not name:
        return None
    from user_code.genomics.domain.normalisation import check_reference

    path = settings().contracts / DOMAIN / name
    check_reference(path)
    return path


def _stage(attempt: Attempt, path: Path, key: str, sha256: Sequence[str]) -> StagedFile:
    return attempt.store.stage_file(
        path, DOMAIN, attempt.asset, key, run_id=attempt.run_id, input_sha256=sha256
    )
