"""The job `csv_to_parquet`: one CSV, rows with a null dropped, as one Parquet file."""

import time
from pathlib import Path

import dagster as dg

from user_code.settings import settings
from user_code.shared.csv_conversion import UnreadableCsvError, convert_csv
from user_code.shared.permanent import fail_permanently, run_id_of
from user_code.shared.publishing import Publisher
from user_code.shared.run_cost import run_cost
from user_code.shared.store import StagedFile, file_metadata, sync_file

# Below the data folder: no other asset's files are there.
OUTPUT_FOLDER = "csv_to_parquet"


class CsvToParquetConfig(dg.Config):
    """Where from and where to."""

    input_path: str = "raw_data.csv"
    """The CSV (or .csv.gz), relative to the landing zone or absolute within it."""

    output_path: str = "processed_data.parquet"
    """The Parquet file, relative to data/csv_to_parquet/."""


@dg.op
def drop_incomplete_rows(
    context: dg.OpExecutionContext, config: CsvToParquetConfig, publisher: Publisher
) -> None:
    """Read the CSV in blocks, drop rows with any null, write typed Parquet; counts as metadata."""
    begun = time.monotonic()
    landing = settings().landing
    folder = publisher.base / "data" / OUTPUT_FOLDER
    run_id = run_id_of(context)
    temporary = None
    try:
        source = inside(landing, config.input_path, "input_path")
        target = inside(folder, config.output_path, "output_path")
        if target.suffix != ".parquet" or target.name.startswith("."):
            raise ValueError(f"output_path {config.output_path!r} must be named *.parquet")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{run_id}.tmp")
        done = convert_csv(source, temporary, file_metadata(run_id), context.log.info)
        sync_file(temporary)
        StagedFile.reopen(temporary, target, done.rows_written).publish()
    except (UnreadableCsvError, FileNotFoundError, ValueError) as error:
        fail_permanently(context, str(error))
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    context.log.info(f"{done.rows_written:,} rows written, {done.rows_dropped:,} dropped")
    columns = [dg.TableColumn(name=name, type=str(kind)) for name, kind in done.schema.items()]
    context.add_output_metadata(
        {
            "path": dg.MetadataValue.path(str(target)),
            "rows_read": done.rows_read,
            "rows_dropped": done.rows_dropped,
            "dagster/row_count": done.rows_written,
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "duration_s": round(time.monotonic() - begun, 3),
            **run_cost(),
        }
    )


def inside(folder: Path, path: str, name: str) -> Path:
    """`path`, taken as relative to `folder`; ValueError that names the field if it leaves it."""
    resolved = (folder / path).resolve()
    if not resolved.is_relative_to(folder.resolve()) or resolved == folder.resolve():
        raise ValueError(f"{name} {path!r} is outside {folder}: give a path within that folder")
    return resolved


@dg.job(description="A CSV from the landing zone becomes Parquet; rows with a gap are dropped.")
def csv_to_parquet() -> None:
    """`input_path` and `output_path` are in the run config."""
    drop_incomplete_rows()
