"""Writes one table to one Parquet file in row groups, as its rows come."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from user_code.genomics.domain.contracts import Contract


class TableFile:
    """A Parquet file that grows by frames of one contract; `rows` counts what it holds.

    Frames are kept until they fill a row group of `group_rows`, so that small blocks don't make
    small row groups. Used as a context manager: an error inside removes the file.
    """

    def __init__(
        self,
        path: Path,
        contract: Contract,
        metadata: Mapping[str, str] | None = None,
        group_rows: int = 20_000,
    ) -> None:
        self.path = path
        self.rows = 0
        self._contract = contract
        self._group_rows = group_rows
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        schema = _to_arrow(contract.schema.to_frame()).schema
        self._schema = schema.with_metadata(dict(metadata or {}))
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; raises polars.exceptions.SchemaError if they aren't of the contract."""
        if frame.schema != self._contract.schema:
            wrong = set(frame.schema.items()) ^ set(self._contract.schema.items())
            raise pl.exceptions.SchemaError(f"{self._contract.name}: differs in {sorted(wrong)}")
        self._waiting.append(frame)
        self._waiting_rows += frame.height
        if self._waiting_rows >= self._group_rows:
            self._flush()

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Add to the footer what was known only after the rows."""
        self._writer.add_key_value_metadata(dict(metadata))

    def __enter__(self) -> "TableFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()
            if kind is not None:
                self.path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._waiting:
            frame = pl.concat(self._waiting)
            self._writer.write_table(_to_arrow(frame).cast(self._schema))
            self.rows += frame.height
            self._waiting, self._waiting_rows = [], 0


def _to_arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
