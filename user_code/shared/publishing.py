"""The one way an asset writes: files and rows together, behind the fence.

with publisher.attempt(context, "finance", "daily_summary") as attempt:
    rows = attempt.scan("finance", "financial_transactions")
    published = attempt.publish({day: … for day in attempt.partitions}, table=…)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from user_code.settings import settings
from user_code.shared.permanent import fail_permanently, run_id_of
from user_code.shared.store import ParquetStore, StagedFile
from user_code.shared.table_writing import replace_partition
from user_code.shared.warehouse import SupersededError, Warehouse

# The key under which an asset without partitions keeps its one file.
WHOLE = "all"


@dataclass(frozen=True)
class PublishedFacts:
    """What was published of one partition: rows in the file, its columns, where it lies."""

    rows: int
    schema: pl.Schema
    path: Path
    changed: int | None = None
    """Rows of the warehouse table that were written or deleted; None without a table."""


@dataclass(frozen=True)
class Attempt:
    """One try at computing an asset's partitions. Take one from `Publisher.attempt`."""

    store: ParquetStore
    warehouse: Warehouse
    context: Any
    domain: str
    asset: str
    run_id: str
    started_at: datetime
    partitions: list[str]

    def scan(
        self, domain: str, asset: str, partitions: Sequence[str] | None = None
    ) -> pl.LazyFrame:
        """Rows of an upstream asset: of `partitions`, by default of the same as this attempt's.

        An asset without partitions reads all that upstream has. Raises MissingPartitionError.
        """
        if partitions is None:
            whole = self.partitions == [WHOLE]
            partitions = self.store.partitions(domain, asset) if whole else self.partitions
        return self.store.scan(domain, asset, partitions)

    def publish(
        self,
        frames: Mapping[str, pl.LazyFrame | pl.DataFrame | StagedFile],
        *,
        beside: Mapping[str, Sequence[StagedFile]] | None = None,
        table: str | None = None,
        partition_column: str | None = None,
        input_sha256: Sequence[str] = (),
        schema_version: int = 1,
    ) -> dict[str, PublishedFacts]:
        """Publish one frame per partition key: stage all files, then commit key by key.

        In one transaction behind the fence: the rows of `table` (if given) whose
        `partition_column` is the key, all rows if there is no such column, become the frame's, of
        which those that differ are written; then the file is renamed, and before it those that
        belong `beside` it. A kill between rename and commit leaves the new file with the old rows,
        which the run's retry puts right.

        Returns what was published. A key of which a newer attempt has committed is left out, with
        a warning in the log: what is in place is newer. If that is so of all keys, nothing is left
        to tell, and dagster.Failure is raised, for good.
        """
        strangers = sorted(set(frames) - set(self.partitions))
        if strangers:
            raise ValueError(f"{self.asset}: {strangers[:3]} are not of this run's partitions")
        if table and not partition_column and self.partitions != [WHOLE]:
            raise ValueError(f"{table}: a partitioned asset needs a partition_column")
        self.store.sweep(self.domain, self.asset)
        beside = beside or {}
        staged: dict[str, StagedFile] = {}
        published: dict[str, PublishedFacts] = {}
        superseded: list[str] = []
        try:
            for key, frame in frames.items():
                staged[key] = (
                    frame
                    if isinstance(frame, StagedFile)
                    else self.store.stage(
                        frame,
                        self.domain,
                        self.asset,
                        key,
                        run_id=self.run_id,
                        input_sha256=input_sha256,
                        schema_version=schema_version,
                    )
                )
            for key, file in staged.items():
                try:
                    published[key] = self._commit(
                        key, file, beside.get(key, ()), table, partition_column
                    )
                except SupersededError as error:
                    superseded.append(str(error))
        finally:
            for file in (*staged.values(), *chain.from_iterable(beside.values())):
                file.discard()
        if superseded and not published:
            fail_permanently(self.context, superseded[0])
        for reason in superseded:
            self.context.log.warning(reason)
        return published

    def _commit(
        self,
        key: str,
        file: StagedFile,
        beside: Sequence[StagedFile],
        table: str | None,
        partition_column: str | None,
    ) -> PublishedFacts:
        with self.warehouse.commit(self.asset, [key], self.run_id, self.started_at) as cursor:
            changed = None
            if table is not None:
                where = {partition_column: key} if partition_column else {}
                rows = pl.scan_parquet(file.temporary, glob=False)
                changed = replace_partition(cursor, table, where, rows, self.run_id).total
            for each in (*beside, file):
                each.publish()
        return PublishedFacts(file.rows, file.schema, file.target, changed)


class Publisher(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Store and warehouse as a resource, key `publisher`. Empty fields: from the environment.

    The fields are for tests. In the platform they stay empty, so that no secret is in the config
    of a resource, which the UI shows.
    """

    root: str = ""
    dsn: str = ""

    @property
    def store(self) -> ParquetStore:
        """The Parquet files below `data/`."""
        return ParquetStore((Path(self.root) if self.root else settings().root) / "data")

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse as the role `user_code`. SettingsError if its password is not set."""
        return Warehouse(self.dsn or settings().warehouse_dsn())

    @property
    def warehouse_for_sensor(self) -> Warehouse:
        """The warehouse, waited for no longer than a sensor's tick (60 s) allows."""
        return Warehouse(self.dsn or settings().warehouse_dsn(), patience_seconds=10)

    @property
    def base(self) -> Path:
        """The folder that has data/, quarantine/ and reports/ in it."""
        return Path(self.root) if self.root else settings().root

    @contextmanager
    def attempt(self, context: Any, domain: str, asset: str) -> Iterator[Attempt]:
        """Begin an attempt at `asset` for the partitions of `context`; notes when it started."""
        warehouse = self.warehouse
        partitioned = context.assets_def.partitions_def is not None
        yield Attempt(
            store=self.store,
            warehouse=warehouse,
            context=context,
            domain=domain,
            asset=asset,
            run_id=run_id_of(context),
            started_at=warehouse.now(),
            partitions=list(context.partition_keys) if partitioned else [WHOLE],
        )
