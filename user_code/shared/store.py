"""The Parquet store: one file per asset and partition, replaced whole or not at all.

A file is written beside its target under a temporary name, synced, reopened and counted, and only
then renamed: whatever kills the writer, readers see the old file or the new one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from user_code.shared.partition_keys import check_partition_key

# No run takes so long; what is older belongs to a writer that was killed.
_ABANDONED_SECONDS = 24 * 3600


class MissingPartitionError(FileNotFoundError):
    """Data that an asset reads is not there yet; the message names it and what to materialise."""


class DamagedFileError(RuntimeError):
    """A file that was just written does not read back as written."""


@dataclass(frozen=True)
class StagedFile:
    """A whole, synced file that no reader sees yet. `publish` it or `discard` it."""

    temporary: Path
    target: Path
    rows: int
    schema: pl.Schema

    @staticmethod
    def reopen(temporary: Path, target: Path, expected_rows: int | None) -> StagedFile:
        """Read a synced temporary file back; DamagedFileError unless it has the expected rows."""
        schema = pl.read_parquet_schema(temporary)
        rows = pl.scan_parquet(temporary, glob=False).select(pl.len()).collect().item()
        if expected_rows is not None and rows != expected_rows:
            raise DamagedFileError(
                f"{target}: wrote {expected_rows} rows, read {rows}: look at the disk"
            )
        return StagedFile(temporary, target, rows, pl.Schema(schema))

    def publish(self) -> None:
        """Put the file in its place, atomically, replacing what was there."""
        self.temporary.replace(self.target)
        _sync_folder(self.target.parent)

    def discard(self) -> None:
        """Remove the file; nothing happens if it is gone or published."""
        self.temporary.unlink(missing_ok=True)


class ParquetStore:
    """Files `root/<domain>/<asset>/<partition>.parquet`."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, domain: str, asset: str, partition: str) -> Path:
        """Where a partition's file belongs. PartitionKeyError if a name could leave the root."""
        for name in (domain, asset, partition):
            check_partition_key(name)
        return self.root / domain / asset / f"{partition}.parquet"

    def exists(self, domain: str, asset: str, partition: str) -> bool:
        """Whether that partition was ever published."""
        return self.path(domain, asset, partition).is_file()

    def partitions(self, domain: str, asset: str) -> list[str]:
        """Keys of the published partitions, sorted; empty if there are none."""
        folder = self.path(domain, asset, "any").parent
        files = folder.glob("*.parquet") if folder.is_dir() else ()
        return sorted(file.stem for file in files if not file.name.startswith("."))

    def scan(self, domain: str, asset: str, partitions: Sequence[str]) -> pl.LazyFrame:
        """The rows of these partitions, lazily. Columns that some files lack are null there.

        Raises MissingPartitionError that names what lacks.
        """
        paths = [self.path(domain, asset, partition) for partition in partitions]
        missing = [key for key, path in zip(partitions, paths, strict=True) if not path.is_file()]
        if missing or not paths:
            shown = ", ".join(missing[:5]) + (
                f" and {len(missing) - 5} more" if missing[5:] else ""
            )
            raise MissingPartitionError(
                f"{domain}/{asset} has no data for {shown or 'any partition'}: "
                f"materialise {asset} for it first"
            )
        # No single file must know all columns: during an upgrade old code may write the newest.
        newest_first = sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)
        schemas = [dict(pl.read_parquet_schema(path)) for path in newest_first]
        # The widest is the most likely to know the order; of equally wide ones, the newest.
        widest = max(schemas, key=len)
        schema = dict(widest)
        for other in schemas:
            for column, kind in other.items():
                schema.setdefault(column, kind)
        return pl.scan_parquet(paths, schema=schema, glob=False, missing_columns="insert")

    def note(self, domain: str, asset: str, partition: str, name: str) -> str | None:
        """A published file's note, as `stage` was given it; None if the file has no such note."""
        return pl.read_parquet_metadata(self.path(domain, asset, partition)).get(name)

    def sweep(self, domain: str, asset: str) -> int:
        """Remove temporary files that killed writers left more than a day ago; returns how many."""
        folder = self.path(domain, asset, "any").parent
        swept = 0
        for path in folder.glob(".*.tmp"):
            with suppress(FileNotFoundError):  # another run may sweep, too
                if path.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                    path.unlink()
                    swept += 1
        return swept

    def temporary_path(self, domain: str, asset: str, partition: str, run_id: str) -> Path:
        """Where a writer of its own may write a partition's file before `stage_file`."""
        target = self.path(domain, asset, partition)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f".{target.name}.{check_partition_key(run_id)}.tmp")

    def stage(
        self,
        frame: pl.LazyFrame | pl.DataFrame,
        domain: str,
        asset: str,
        partition: str,
        *,
        run_id: str,
        input_sha256: Sequence[str] = (),
        schema_version: int = 1,
        notes: Mapping[str, str] | None = None,
    ) -> StagedFile:
        """Write `frame` beside its target, streamed if lazy. The caller publishes or discards.

        `notes` are kept in the file's footer, for `note`: they are published with the rows.
        """
        temporary = self.temporary_path(domain, asset, partition, run_id)
        try:
            frame.lazy().sink_parquet(
                temporary,
                sync_on_close="all",
                metadata={**(notes or {}), **file_metadata(run_id, input_sha256, schema_version)},
            )
            expected = frame.height if isinstance(frame, pl.DataFrame) else None
            return StagedFile.reopen(temporary, self.path(domain, asset, partition), expected)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def stage_file(
        self,
        written: Path,
        domain: str,
        asset: str,
        partition: str,
        *,
        run_id: str,
        input_sha256: Sequence[str] = (),
        schema_version: int = 1,
        rows: int | None = None,
    ) -> StagedFile:
        """Stage a file that a writer of its own wrote to `temporary_path`, with `file_metadata`.

        `rows`, if given, is what the writer counted. Raises DamagedFileError on a difference, and
        ValueError if the file is elsewhere or its metadata isn't what these arguments say.
        """
        target = self.path(domain, asset, partition)
        if written.parent != target.parent:
            raise ValueError(f"{written.name} is not beside {target}: write to temporary_path()")
        found = pl.read_parquet_metadata(written)
        for name, value in file_metadata(run_id, input_sha256, schema_version).items():
            if found.get(name) != value:
                raise ValueError(f"{written.name} lacks {name}: write it with file_metadata()")
        sync_file(written)
        return StagedFile.reopen(written, target, rows)


def file_metadata(
    run_id: str, input_sha256: Sequence[str] = (), schema_version: int = 1
) -> dict[str, str]:
    """What every file of the store says of itself, beside the rows and schema in its footer."""
    return {
        "assay.run_id": run_id,
        "assay.schema_version": str(schema_version),
        "assay.input_sha256": " ".join(input_sha256),
    }


def sync_file(path: Path) -> None:
    """Make what was written to `path` survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
