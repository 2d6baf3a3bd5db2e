"""What passes of a call set as one file for other programs, on demand."""

import time
from pathlib import Path

import dagster as dg

from user_code.genomics.assets import CALL_SETS, CODE_VERSION
from user_code.genomics.config import CohortExportConfig
from user_code.genomics.domain.call_set import find_call_set
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS
from user_code.genomics.domain.export import FORMATS, export
from user_code.genomics.domain.inspection import inspect_call_set
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.quarantine import DOMAIN
from user_code.genomics.sample_lists import listed_samples
from user_code.settings import settings
from user_code.shared.partition_keys import PartitionKeyError, check_partition_key
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import Publisher
from user_code.shared.reports import report_path
from user_code.shared.run_cost import run_cost
from user_code.shared.store import sync_file


@dg.asset(
    name="cohort_export",
    deps=[QUALITY_FILTERED_VARIANTS.name],
    partitions_def=CALL_SETS,
    group_name=DOMAIN,
    owners=["team:genomics"],
    kinds={"csv", "parquet", "vcf"},
    code_version=CODE_VERSION,
    description="What reaches min_quality_score of a call set, as it lies in the landing zone, in "
    "one file beside its report: cohort_export.csv (counts of alt by sample), .parquet (as "
    "quality_filtered_data) or .vcf.gz (the records as they came).",
)
def cohort_export(
    context: dg.AssetExecutionContext, config: CohortExportConfig, publisher: Publisher
) -> dg.MaterializeResult[None]:
    """Inspect the call set, write the file, and replace an earlier export of any form."""
    started = time.monotonic()
    output_format = str(config.output_format.value)
    try:
        key = check_partition_key(context.partition_key)
    except PartitionKeyError as error:
        fail_permanently(context, str(error))
    folder = report_path(publisher.base, DOMAIN, key).parent
    folder.mkdir(parents=True, exist_ok=True)
    with publisher.attempt(context, DOMAIN, "cohort_export") as attempt:
        temporary = folder / f".cohort_export.{attempt.run_id}.tmp"
        try:
            inspected = inspect_call_set(find_call_set(settings().landing / DOMAIN, key))
            written = export(
                inspected,
                temporary,
                output_format,
                min_quality_score=config.min_quality_score,
                batch_size=config.batch_size,
                samples=listed_samples(
                    inspected, _list(config.keep_samples), _list(config.remove_samples)
                ),
            )
        except RefusedInputError as error:
            fail_permanently(context, str(error), {"place": error.place, "reason": error.reason})
        sync_file(temporary)
        with attempt.warehouse.commit("cohort_export", [key], attempt.run_id, attempt.started_at):
            path = _replace_all(folder, temporary, output_format)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written.rows,
            "n_samples": written.n_samples,
            "n_bytes": path.stat().st_size,
            "file": str(path.relative_to(publisher.base)),
            "min_quality_score": config.min_quality_score,
            "sha256_of_input": inspected.joint_sha256,
            "duration_s": round(time.monotonic() - started, 3),
            **run_cost(),
        }
    )


def _list(name: str) -> Path | None:
    return settings().contracts / DOMAIN / name if name else None


def _replace_all(folder: Path, temporary: Path, output_format: str) -> Path:
    """The new file in its place, and none of another form, which would be out of date."""
    path = folder / f"cohort_export.{output_format}"
    temporary.replace(path)
    for other in FORMATS:
        if other != output_format:
            (folder / f"cohort_export.{other}").unlink(missing_ok=True)
    return path
