"""A whole folder of feeds at once, to Parquet files: what the command line does."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from user_code.finance.domain.contracts import DUPLICATES, FINANCIAL_TRANSACTIONS, QUARANTINE
from user_code.finance.domain.feed_files import current_versions, list_feed_files
from user_code.finance.domain.ingest import DayRead, SeenIds, read_day
from user_code.finance.domain.source_contract import read_contracts
from user_code.finance.domain.summaries import (
    category_statistics,
    gather_history,
    summarise_by_day,
)


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


def load_folder(folder: Path, out: Path, contracts: Path | None = None) -> Loaded:
    """Reads `<folder>/<source>/…` and writes to `out`, one Parquet file per table.

    `financial_transactions`, `duplicates`, `quarantine`, `category_statistics` (by the file's day)
    and `daily_summary` (by booking date). Raises FolderRefused, ContractError.
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
    seen = SeenIds()
    days = [
        read_day(day, [file for file in files if file.date == day], forms, seen)
        for day in sorted({file.date for file in files})
    ]
    _write(days, out)
    return Loaded(
        files=len(files),
        records=sum(day.records for day in days),
        accepted=sum(day.accepted.height for day in days),
        duplicates=sum(day.duplicates.height for day in days),
        quarantined=sum(day.quarantined.height for day in days),
        refused={name: why for day in days for name, why in day.refused_files.items()},
        strange=strange,
    )


def _write(days: list[DayRead], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    accepted = pl.concat([FINANCIAL_TRANSACTIONS.empty(), *(day.accepted for day in days)])
    transactions = out / "financial_transactions.parquet"
    accepted.write_parquet(transactions)
    pl.concat([DUPLICATES.empty(), *(day.duplicates for day in days)]).write_parquet(
        out / "duplicates.parquet"
    )
    quarantined = pl.concat([QUARANTINE.empty(), *(day.quarantined for day in days)])
    quarantined.write_parquet(out / "quarantine.parquet")
    summary = gather_history(summarise_by_day(accepted.lazy()).lazy())
    summary.write_parquet(out / "daily_summary.parquet")
    category_statistics([transactions]).write_parquet(out / "category_statistics.parquet")
