"""A CSV of any size into typed Parquet, a few megabytes at a time; rows with a gap are dropped.

Two passes: the first finds types that hold for every row, the second writes. Types are Boolean,
Int64, Float64, Date (YYYY-MM-DD) and, for all else, String; numbers with leading zeros and whole
numbers too long for Int64 are identifiers, and stay text. What pandas reads as missing is a null
here, too, quoted or not; a column without a name gets the one that pandas gives it.
"""

from __future__ import annotations

import codecs
import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

_BLOCK_BYTES = 2**20
_ROW_GROUP = 100_000
_SECONDS_BETWEEN_NEWS = 5.0
# The default `na_values` of pandas.read_csv.
_NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)

Progress = Callable[[str], None]


class UnreadableCsvError(ValueError):
    """The file is no CSV that can be converted; the message says where and why, without data."""


@dataclass(frozen=True)
class Conversion:
    """What was done: rows read and kept (those without a null), and the columns' types."""

    rows_read: int
    rows_written: int
    schema: pl.Schema

    @property
    def rows_dropped(self) -> int:
        """Rows that had a null in any column."""
        return self.rows_read - self.rows_written


def convert_csv(
    source: Path, target: Path, metadata: Mapping[str, str], progress: Progress
) -> Conversion:
    """Write `source` (UTF-8 with a header, `.gz` too) to `target`, which must not matter to anyone.

    Empty fields, NA, NULL, nan and the like are nulls. `progress` is called every few seconds with
    a line of news. Raises UnreadableCsvError, FileNotFoundError.
    """
    if not source.is_file():
        raise FileNotFoundError(f"{source} doesn't exist or is no file: correct input_path")
    news = _News(progress)
    schema, rows_read = find_types(source, news)
    written = 0
    arrow_schema = pl.DataFrame(schema=schema).to_arrow().schema
    with pa.parquet.ParquetWriter(
        target, arrow_schema.with_metadata(dict(metadata)), compression="zstd"
    ) as writer:
        for batch in _grouped(_typed(batch, schema).drop_nulls() for batch in _batches(source)):
            written += batch.height
            writer.write_table(batch.to_arrow().cast(arrow_schema))
            news.tell(f"{written:,} of {rows_read:,} rows written")
    return Conversion(rows_read, written, schema)


def find_types(source: Path, news: _News) -> tuple[pl.Schema, int]:
    """The narrowest type that holds for all values of each column, and the number of rows."""
    types: dict[str, pl.DataType | None] = dict.fromkeys(_header(source))
    rows = 0
    for batch in _batches(source):
        rows += batch.height
        for name in batch.columns:
            types[name] = _widened(types[name], batch.get_column(name).drop_nulls())
        news.tell(f"{rows:,} rows read to find the columns' types")
    return pl.Schema({name: kind or pl.String() for name, kind in types.items()}), rows


class _News:
    """Tells about progress, but not more often than anyone wants to read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last = time.monotonic()

    def tell(self, text: str) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_NEWS:
            self._progress(text)
            self._last = time.monotonic()


def _batches(source: Path) -> Iterator[pl.DataFrame]:
    """The file's rows as text, in order, in blocks; columns are named as in `_header`."""
    bad: list[str] = []
    names = _header(source)

    def note(row: pyarrow.csv.InvalidRow) -> str:
        # The library's own message quotes the row.
        bad.append(f"record {row.number}: {row.actual_columns} fields, not {row.expected_columns}")
        return "error"

    try:
        with _open(source, note) as reader:
            for batch in reader:
                frame = pl.from_arrow(batch.rename_columns(names))
                assert isinstance(frame, pl.DataFrame)
                yield frame
    except pa.ArrowInvalid as error:
        reason = bad[0] if bad else _without_data(str(error))
        raise UnreadableCsvError(f"{source.name}: {reason}; correct the file") from None


def _grouped(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The batches, put together until they make a row group."""
    waiting: list[pl.DataFrame] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.height for one in waiting) >= _ROW_GROUP:
            yield pl.concat(waiting, rechunk=True)
            waiting.clear()
    if waiting:
        yield pl.concat(waiting, rechunk=True)


def _open(
    source: Path, note: Callable[[pyarrow.csv.InvalidRow], str]
) -> pyarrow.csv.CSVStreamingReader:
    return pyarrow.csv.open_csv(
        pa.input_stream(str(source)),
        # One thread: more would read ahead, which costs memory and loses the record's number.
        read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        convert_options=pyarrow.csv.ConvertOptions(
            # By their names in the file, where some may have none.
            column_types=dict.fromkeys(["", *_header(source)], pa.string()),
            strings_can_be_null=True,
            null_values=list(_NULLS),
        ),
    )


def _header(source: Path) -> list[str]:
    """The columns' names; one that has none is called as pandas calls it."""
    with pa.input_stream(str(source)) as file:
        head = file.read(_BLOCK_BYTES)
    if not head.strip():
        raise UnreadableCsvError(f"{source.name} is empty: it needs a header line at least")
    try:
        # The block's end may cut a character in two, which is no fault.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        found = next(record for record in csv.reader(io.StringIO(text, newline="")) if record)
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "has no header line"
        raise UnreadableCsvError(f"{source.name}: it {reason}; correct the file") from None
    names = [name or f"Unnamed: {place}" for place, name in enumerate(found)]
    if len(set(names)) < len(names):
        raise UnreadableCsvError(f"{source.name}: two columns have the same name in its header")
    return names


def _without_data(message: str) -> str:
    """The beginning of Arrow's message, before it quotes any value."""
    if "UTF8" in message:
        return "it is not UTF-8"
    if "straddling" in message:
        return f"a record is longer than {_BLOCK_BYTES} bytes, or a quote is not closed"
    return "it can't be read as CSV"


def _widened(kind: pl.DataType | None, values: pl.Series) -> pl.DataType | None:
    """The type that holds for `values`, too; None while no value was seen."""
    if values.is_empty() or kind == pl.String:
        return kind
    if kind is None:
        candidates: list[pl.DataType] = [pl.Boolean(), pl.Int64(), pl.Float64(), pl.Date()]
    else:
        candidates = [kind, pl.Float64()] if kind == pl.Int64 else [kind]
    return next((one for one in candidates if _holds(one, values)), pl.String())


def _holds(kind: pl.DataType, values: pl.Series) -> bool:
    if kind == pl.Boolean:
        return bool(values.is_in(["true", "false"]).all())
    if kind == pl.Date:
        shaped = values.str.contains(r"^\d{4}-\d{2}-\d{2}$").all()
        return bool(shaped) and values.str.to_date("%Y-%m-%d", strict=False).null_count() == 0
    if values.cast(kind, strict=False).null_count():
        return False
    identifiers = r"^[+-]?0\d" if kind == pl.Int64 else r"^[+-]?(0\d|\d{16,}$)"
    return not values.str.contains(identifiers).any()


def _typed(batch: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    columns = []
    for name, kind in schema.items():
        column = pl.col(name)
        if kind == pl.Boolean:
            column = column == "true"
        elif kind == pl.Date:
            column = column.str.to_date("%Y-%m-%d")
        elif kind != pl.String:
            column = column.cast(kind)
        columns.append(column)
    return batch.select(columns)
