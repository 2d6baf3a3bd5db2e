"""Between the landing zone and the domain: what a run reads for its days, and what it leaves."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from user_code.finance.domain.base_amounts import add_base_amounts
from user_code.finance.domain.contracts import EXCHANGE_RATES
from user_code.finance.domain.feed_files import (
    FeedFile,
    current_versions,
    list_feed_files,
    parse_feed_path,
)
from user_code.finance.domain.ingest import DayRead, SeenIds, read_day
from user_code.finance.domain.quarantine_plot import draw_quarantine
from user_code.finance.domain.source_contract import usable_contracts
from user_code.finance.recompute import settling
from user_code.finance.row_dates import dates_notes
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.publishing import WHOLE, Attempt, PublishedFacts
from user_code.shared.run_facts import plot_metadata
from user_code.shared.store import ParquetStore, StagedFile
from user_code.shared.warehouse import Warehouse

DOMAIN = "finance"
TRANSACTIONS = "financial_transactions"
DUPLICATES = "duplicates"
_FEW_DAYS = 3

# In the footer of a day's file, so that the check counts the records of the very same files.
_FILES_NOTE = "assay.finance.files"


@dataclass
class SideFiles:
    """Staged files that belong beside a day's own, and are published together with it."""

    by_day: dict[str, list[StagedFile]] = field(default_factory=dict)

    def add(
        self, store: ParquetStore, asset: str, day: str, frame: pl.DataFrame, run_id: str
    ) -> None:
        """Keep `frame`; an empty one only where it must replace what an earlier run left."""
        if frame.height or store.exists(DOMAIN, asset, day):
            file = store.stage(frame, DOMAIN, asset, day, run_id=run_id)
            self.by_day.setdefault(day, []).append(file)
            # Whose group may read the data need not see raw lines, or what was sent in error.
            file.temporary.chmod(0o600)

    def discard(self) -> None:
        """Remove what was not published."""
        for files in self.by_day.values():
            for file in files:
                file.discard()


def files_by_day(landing: Path, settle_seconds: float = 0) -> dict[date, list[FeedFile]]:
    """The current version of every landed file, by the day in its name.

    A file that was touched less than `settle_seconds` ago may still be being copied: it doesn't
    count yet, and the version before it does. The landing sensor asks for its day once it stands.
    """
    files, _ = list_feed_files(landing / DOMAIN)
    before = time.time() - settle_seconds
    by_day: dict[date, list[FeedFile]] = {}
    for file in current_versions(file for file in files if _stands(file.path, before)):
        by_day.setdefault(file.date, []).append(file)
    return by_day


def _stands(path: Path, before: float) -> bool:
    """Whether nothing has touched the file since `before`: the landing sensor's own rule."""
    try:
        return path.stat().st_ctime <= before
    except OSError:
        return False  # removed while we looked


def files_read(store: ParquetStore, landing: Path, day: str) -> list[FeedFile] | None:
    """The files of which a published day was made; None if its file is from before this note."""
    note = store.note(DOMAIN, TRANSACTIONS, day, _FILES_NOTE)
    if note is None:
        return None
    files = (parse_feed_path(landing / DOMAIN / name) for name in json.loads(note))
    return [file for file in files if file is not None]


def read_days(
    attempt: Attempt, landing: Path, contracts: Path, settle_seconds: float
) -> Iterator[DayRead]:
    """The attempt's days in order, each checked against all earlier ones."""
    by_day = files_by_day(landing, settle_seconds)
    days = sorted(date.fromisoformat(key) for key in attempt.partitions)
    sources = {file.source for day in days for file in by_day.get(day, [])}
    forms, unusable = usable_contracts(contracts, sources)
    refused = {
        source: f"{reason} (correct it, then: make replay SOURCE={source})"
        for source, reason in unusable.items()
    }
    seen = SeenIds(_earlier_ids(attempt.store, days, sources))
    for day in days:
        yield read_day(day, by_day.get(day, []), forms, seen, refused)


def _earlier_ids(store: ParquetStore, days: list[date], sources: set[str]) -> list[pl.LazyFrame]:
    """The ids of all days before these. They stay on disk, however many years there are, unless so
    many days ask that reading them once is cheaper."""
    first = days[0].isoformat()
    earlier = [key for key in store.partitions(DOMAIN, TRANSACTIONS) if key < first]
    if not earlier:
        return []
    ids = (
        store.scan(DOMAIN, TRANSACTIONS, earlier)
        .filter(pl.col("source").is_in(sorted(sources)))
        .select("source", "transaction_id")
    )
    return [ids.collect(engine="streaming").lazy() if len(days) > _FEW_DAYS else ids]


def ingest_days(
    attempt: Attempt,
    base: Path,
    *,
    landing: Path,
    contracts: Path,
    settle_seconds: float,
    base_currency: str,
) -> tuple[dict[str, PublishedFacts], dict[str, dict[str, Any]]]:
    """Reads the attempt's days and publishes them; `base` has `quarantine/` in it.

    Returns what was published (all days but those that a newer run has published meanwhile) and,
    per day, the counts for its metadata. A source whose contract cannot be used has all its files
    refused, with the reason: the others go on.
    """
    quarantine = ParquetStore(base / "quarantine")
    staged: dict[str, StagedFile] = {}
    facts: dict[str, dict[str, Any]] = {}
    side = SideFiles()
    told: dict[str, tuple[list[str], dict[str, str]]] = {}
    try:
        # Day by day to disk: a run of a year needs the memory of a day, and of the ids.
        rates = known_rates(attempt.store)
        for read in read_days(attempt, landing, contracts, settle_seconds):
            read.accepted = add_base_amounts(read.accepted, rates, base_currency)
            day = read.day.isoformat()
            staged[day] = attempt.store.stage(
                read.accepted,
                DOMAIN,
                TRANSACTIONS,
                day,
                run_id=attempt.run_id,
                notes={
                    _FILES_NOTE: json.dumps(read.files),
                    **dates_notes(attempt.store, DOMAIN, TRANSACTIONS, day, read.accepted),
                },
            )
            stage_side_files(side, read, attempt.store, quarantine, attempt.run_id)
            facts[day] = _counts(read)
            told[day] = (read.files, read.refused_files)
        with settling(attempt, DOMAIN, TRANSACTIONS, DUPLICATES):
            published = attempt.publish(
                staged,
                beside=side.by_day,
                table=f"{DOMAIN}.{TRANSACTIONS}",
                partition_column="file_date",
            )
    finally:
        side.discard()
        for file in staged.values():
            file.discard()
    tell_refused_files(attempt.warehouse, [told[day] for day in published])
    return published, facts


def known_rates(store: ParquetStore) -> pl.DataFrame:
    """EXCHANGE_RATES as last fetched; no rows if there are none."""
    if not store.exists(DOMAIN, "exchange_rates", WHOLE):
        return EXCHANGE_RATES.empty()
    return store.scan(DOMAIN, "exchange_rates", [WHOLE]).collect()


def _counts(read: DayRead) -> dict[str, Any]:
    reasons = Counter(read.quarantined.get_column("reasons").explode().to_list())
    drawn = plot_metadata(draw_quarantine(reasons).encode(), "svg+xml")
    return {
        "records": read.records,
        "duplicates": read.duplicates.height,
        "quarantined": read.quarantined.height,
        "quarantined_by_reason": dict(sorted(reasons.items())),
        **({"quarantine": drawn} if reasons else {}),
        "without_rate": int(read.accepted.get_column("amount_base").null_count()),
        "files": len(read.files),
        "refused_files": len(read.refused_files),
    }


def stage_side_files(
    side: SideFiles, read: DayRead, data: ParquetStore, quarantine: ParquetStore, run_id: str
) -> None:
    """Duplicates beside the data, quarantine by source: private, as it keeps raw lines."""
    day = read.day.isoformat()
    side.add(data, DUPLICATES, day, read.duplicates, run_id)
    folder = quarantine.root / DOMAIN
    # A source of an earlier run whose bad records were all corrected gets an empty file.
    sources = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for source in sorted(sources | set(read.quarantined.get_column("source"))):
        rows = read.quarantined.filter(pl.col("source") == source)
        side.add(quarantine, source, day, rows, run_id)


def tell_refused_files(warehouse: Warehouse, reads: list[tuple[list[str], dict[str, str]]]) -> None:
    """An alert for each refused file; those that could be read close theirs.

    `reads`: for each day the names of all its files, and of the refused ones with the reason.
    """
    with warehouse.transaction() as cursor:
        for names, refused in reads:
            for name in names:
                key = f"finance.file_refused:{name}"
                if name not in refused:
                    close_alert(cursor, key)
                    continue
                raise_alert(
                    cursor,
                    key=key,
                    kind="finance.file_refused",
                    severity="error",
                    domain=DOMAIN,
                    subject=f"no record of {name} could be read",
                    facts={"file": name, "reason": refused[name]},
                )
