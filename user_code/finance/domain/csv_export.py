"""Our Parquet tables as CSV for people and their spreadsheets, in the memory of some rows."""

from pathlib import Path

import polars as pl

from user_code.finance.domain.formula_cells import neutralise

_ROWS = 100_000


class ExportRefused(ValueError):
    """The table cannot be exported; the message says why."""


def export_csv(table: Path, out: Path) -> int:
    """A Parquet file, or a folder of them, → a CSV file with a header; how many rows it has.

    Texts that a spreadsheet would run are made plain; numbers and dates stay what they are, exact
    decimals to the last digit. Lists are one cell, joined by "; "; raw bytes are shown as UTF-8.
    An existing file is replaced once the new one is whole. Raises ExportRefused.
    """
    frame = _cells(_scan(table))
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    rows = 0
    try:
        with unfinished.open("wb") as stream:
            frame.head(0).collect().write_csv(stream)
            for batch in frame.collect_batches(chunk_size=_ROWS, maintain_order=True):
                batch.write_csv(stream, include_header=False)
                rows += batch.height
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _scan(table: Path) -> pl.LazyFrame:
    files = sorted(table.glob("*.parquet")) if table.is_dir() else [table]
    if not files or not all(file.is_file() for file in files):
        raise ExportRefused(f"{table}: no Parquet file and no folder of them")
    try:
        frame = pl.scan_parquet(files, glob=False)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ExportRefused(f"{table}: not readable as Parquet: {str(error).strip()}") from error
    return frame


def _cells(frame: pl.LazyFrame) -> pl.LazyFrame:
    cells = []
    for name, kind in frame.collect_schema().items():
        cell = pl.col(name)
        if kind == pl.Binary:
            cell = cell.map_elements(_shown, return_dtype=pl.String)
        elif isinstance(kind, pl.List):
            cell = cell.cast(pl.List(pl.String)).list.join("; ")
        elif kind.is_nested():
            raise ExportRefused(f"column {name} is {kind}: CSV has no place for it")
        elif kind not in (pl.String, pl.Categorical):
            cells.append(cell)
            continue
        cells.append(neutralise(cell.cast(pl.String)).alias(name))
    return frame.select(cells)


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
