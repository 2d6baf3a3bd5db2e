"""A whole folder of feeds at once, to Parquet files: what the command line does."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from user_code.finance.domain.contracts import (
    DUPLICATES,
    FINANCIAL_TRANSACTIONS,
    QUARANTINE,
    TableContract,
)
from user_code.finance.domain.feed_files import FeedFile, current_versions, list_feed_files
from user_code.finance.domain.ingest import read_day
from user_code.finance.domain.repeated_ids import repeated_ids, take_repeated
from user_code.finance.domain.source_contract import read_contracts
from user_code.finance.domain.summaries import category_statistics, summarise_by_day


class FolderRefused(ValueError):
    """There is nothing in the folder to load; the message says what was looked for."""


@dataclass(frozen=True)
class Loaded:
    """What became of a folder: `records` is the sum of the three counts after it."""

    files: int
    records: int
    accepted: int
    duplicates: int
    quarantined: int
    refused: dict[str, str]
    strange: list[str]


def load_folder(
    folder: Path,
    out: Path,
    contracts: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Loaded:
    """Reads `<folder>/<source>/…` and writes to `out`, one Parquet file per table.

    `financial_transactions`, `duplicates`, `quarantine` (a folder of files where there are more
    than two million rows), `daily_summary` and `category_statistics` (both by booking date).
    `progress` is told how many of how many files are done. Raises FolderRefused, ContractError.
    """
    if not folder.is_dir():
        raise FolderRefused(f"{folder}: no such folder")
    if contracts is not None and not contracts.is_dir():
        raise FolderRefused(f"{contracts}: no such folder of contracts")
    files, strange = list_feed_files(folder)
    if not files:
        raise FolderRefused(
            f"{folder}: no file <source>/<name>-YYYY-MM-DD[.vN].csv[.gz] in it"
            + (f", but {len(strange)} of other names" if strange else "")
        )
    files = current_versions(files)
    forms = read_contracts(contracts, {file.source for file in files})
    by_day: dict[date, list[FeedFile]] = {}
    for file in files:
        by_day.setdefault(file.date, []).append(file)
    tables = TableFolders(out)
    done = 0
    counts = Counter(dict.fromkeys(("records", *_KEPT), 0))
    refused: dict[str, str] = {}
    # Day by day to disk: ten years need the memory of a day.
    for day in sorted(by_day):
        read = read_day(day, by_day[day], forms)
        frames = dict(zip(_KEPT, (read.accepted, read.duplicates, read.quarantined), strict=True))
        counts += Counter({"records": read.records, **{k: f.height for k, f in frames.items()}})
        refused |= read.refused_files
        for name, frame in frames.items():
            tables.add(name, day, frame)
        done += len(by_day[day])
        if progress is not None:
            progress(done, len(files))
    transactions = tables.close("financial_transactions", FINANCIAL_TRANSACTIONS)
    counts += _move_repeated(transactions, tables)
    tables.close("duplicates", DUPLICATES)
    tables.close("quarantine", QUARANTINE)
    summarise_by_day(transactions).write_parquet(out / "daily_summary.parquet")
    category_statistics(transactions).write_parquet(out / "category_statistics.parquet")
    return Loaded(
        files=len(files),
        records=counts["records"],
        accepted=counts["financial_transactions"],
        duplicates=counts["duplicates"],
        quarantined=counts["quarantine"],
        refused=refused,
        strange=strange,
    )


def _move_repeated(transactions: list[Path], tables: "TableFolders") -> Counter[str]:
    """Rows whose id an earlier day has become duplicates; what that changes in the counts."""
    repeated, moved = repeated_ids(transactions), 0
    for path in transactions if repeated.height else ():
        taken = take_repeated(path, repeated)
        for (day,), rows in taken.group_by("file_date", maintain_order=True):
            tables.add("duplicates", day, rows.select(*DUPLICATES.columns))
        moved += taken.height
    return Counter({"duplicates": moved, "financial_transactions": -moved})


_ROWS_IN_ONE_FILE = 2_000_000
_KEPT = ("financial_transactions", "duplicates", "quarantine")


class TableFolders:
    """Tables that grow day by day: one file each, a folder of that name once they are large.

    What an earlier call left under these names is replaced.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._files: dict[str, list[Path]] = {}
        out.mkdir(parents=True, exist_ok=True)
        for name in _KEPT:
            path = out / f"{name}.parquet"
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)

    def add(self, name: str, day: date, frame: pl.DataFrame) -> None:
        """The rows of one more day."""
        waiting = self._waiting.setdefault(name, [])
        waiting.append(frame)
        if sum(each.height for each in waiting) > _ROWS_IN_ONE_FILE:
            self._flush(name, f"until-{day}")

    def _flush(self, name: str, until: str) -> None:
        folder = self._out / f"{name}.parquet"
        folder.mkdir(exist_ok=True)
        files = self._files.setdefault(name, [])
        # A day can come twice: its repeated ids are found after all days were read.
        files.append(folder / f"{len(files):04d}-{until}.parquet")
        pl.concat(self._waiting[name]).write_parquet(files[-1])
        self._waiting[name] = []

    def close(self, name: str, table: TableContract) -> list[Path]:
        """Writes what waits of one table; its files."""
        if name in self._files:
            if self._waiting[name]:
                self._flush(name, "until-the-end")
        else:
            path = self._out / f"{name}.parquet"
            pl.concat([table.empty(), *self._waiting.get(name, ())]).write_parquet(path)
            self._files[name] = [path]
        return self._files[name]
