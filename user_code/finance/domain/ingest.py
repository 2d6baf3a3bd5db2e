"""A day's files → accepted transactions, duplicates and quarantine: every record in exactly one."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from user_code.finance.domain.contracts import DUPLICATES, FINANCIAL_TRANSACTIONS, QUARANTINE
from user_code.finance.domain.feed_files import FeedFile, current_versions
from user_code.finance.domain.file_lines import FileRefused
from user_code.finance.domain.file_parts import all_records, file_parts, refused_lines
from user_code.finance.domain.source_contract import DEFAULT, SourceContract

_AT_A_TIME = 3
"""One more than a run's usual cores: readers wait for Python's lock and for the disk."""


@dataclass
class FileRead:
    """One file, read: sound rows (FINANCIAL_TRANSACTIONS) and quarantine (QUARANTINE)."""

    file: FeedFile
    sound: pl.DataFrame
    quarantined: pl.DataFrame
    records: int
    refused: str = ""
    """Why the whole file was refused; empty if it was not."""


@dataclass
class DayRead:
    """All files of one day. Three frames and the number of physical records, which is their sum."""

    day: date
    accepted: pl.DataFrame
    duplicates: pl.DataFrame
    quarantined: pl.DataFrame
    records: int
    files: list[str]
    """`<source>/<file name>` of each file that was read."""
    refused_files: dict[str, str] = field(default_factory=dict)

    @property
    def conserved(self) -> bool:
        """Whether every physical record ended exactly once in one of the three frames."""
        return self.records == (
            self.accepted.height + self.duplicates.height + self.quarantined.height
        )


def read_file(file: FeedFile, contract: SourceContract = DEFAULT) -> FileRead:
    """Reads one file. A broken record costs itself, a broken header or gzip stream the file."""
    sound, unsound, records = [], [], 0
    try:
        for part in file_parts(file, contract):
            records += part.records
            sound.append(part.sound)
            unsound.append(part.unsound)
    except FileRefused as error:
        return _refuse(file, str(error), contract)
    if not sound:
        return FileRead(file, FINANCIAL_TRANSACTIONS.empty(), _quarantine(file, unsound), records)
    rows = pl.concat(each for each in sound if each.height or each is sound[0])
    rows = rows if rows["line"].is_sorted() else rows.sort("line")
    accepted = _with_origin(rows, file).select(*FINANCIAL_TRANSACTIONS.columns)
    return FileRead(file, accepted, _quarantine(file, unsound), records)


def read_files(
    files: Sequence[FeedFile],
    contracts: Mapping[str, SourceContract],
    refused_sources: Mapping[str, str] | None = None,
) -> Iterator[FileRead]:
    """The files in order, three at a time; those of `refused_sources` (source → reason) refused."""
    refused = refused_sources or {}

    def read(file: FeedFile) -> FileRead:
        contract = contracts.get(file.source, DEFAULT)
        if file.source in refused:
            return _refuse(file, refused[file.source], contract)
        return read_file(file, contract)

    if len(files) == 1:
        yield read(files[0])
        return
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        begun = deque(threads.submit(read, file) for file in files[:_AT_A_TIME])
        for number in range(len(files)):
            done = begun.popleft().result()
            # Memory is that of the files being read, not of all.
            if number + _AT_A_TIME < len(files):
                begun.append(threads.submit(read, files[number + _AT_A_TIME]))
            yield done


def _refuse(file: FeedFile, reason: str, contract: SourceContract) -> FileRead:
    """Every record of the file that can be read, in quarantine for the same reason."""
    quarantined = _quarantine(
        file,
        [refused_lines((number, line, [reason]) for number, line in all_records(file, contract))],
    )
    return FileRead(
        file, FINANCIAL_TRANSACTIONS.empty(), quarantined, quarantined.height, refused=reason
    )


def _quarantine(file: FeedFile, unsound: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat([refused_lines([]), *unsound])
    return _with_origin(rows, file).select(*QUARANTINE.columns).sort("line")


def _with_origin(frame: pl.DataFrame, file: FeedFile) -> pl.DataFrame:
    nothing = [
        pl.lit(None, dtype=FINANCIAL_TRANSACTIONS.columns[name]).alias(name)
        for name in ("amount_base", "rate_date")
    ]
    return frame.with_columns(
        pl.lit(file.source).alias("source"),
        pl.lit(file.date).alias("file_date"),
        pl.lit(file.relative).alias("file"),
        *nothing,
    )


class SeenIds:
    """The transaction ids of earlier days by source, so that a day can tell its duplicates."""

    def __init__(self, frames: Iterable[pl.LazyFrame] = ()) -> None:
        """`frames` hold `source` and `transaction_id`, each pair once."""
        self._earlier = list(frames)
        self._read: list[pl.DataFrame] = []

    def mark(self, day: pl.DataFrame) -> pl.Series:
        """For each row of `day`: has its id been seen on an earlier day?"""
        wanted = day.select("source", "transaction_id").lazy()
        frames = [*self._earlier, *(frame.lazy() for frame in self._read)]
        if not frames:
            return pl.repeat(False, day.height, eager=True, dtype=pl.Boolean)
        key = ["source", "transaction_id"]
        known = pl.concat(frame.join(wanted, on=key, how="semi") for frame in frames)
        hits = known.unique().collect(engine="streaming").with_columns(_seen=True)
        return (
            wanted.collect()
            .join(hits, on=key, how="left", maintain_order="left")
            .get_column("_seen")
            .fill_null(False)
        )

    def add(self, accepted: pl.DataFrame) -> None:
        """Later days see these ids, too."""
        self._read.append(accepted.select("source", "transaction_id"))
        if len(self._read) > 64:
            self._read = [pl.concat(self._read)]


def read_day(
    day: date,
    files: Sequence[FeedFile],
    contracts: Mapping[str, SourceContract],
    seen: SeenIds | None = None,
    refused_sources: Mapping[str, str] | None = None,
) -> DayRead:
    """All current files of one day.

    Of records with one id the lowest by file name, version and line counts. `seen` holds the ids
    of earlier days and learns this day's; without it duplicates within the day alone are found.
    The order of `files` is of no account. The files of `refused_sources` (source → reason) are
    refused whole.
    """
    current = current_versions(file for file in files if file.date == day)
    reads = list(read_files(current, contracts, refused_sources))
    sound = pl.concat([FINANCIAL_TRANSACTIONS.empty(), *(read.sound for read in reads)])
    # current_versions sorts by name and version, lines come in order: the first is the lowest.
    first = sound.select(pl.struct("source", "transaction_id").is_first_distinct()).to_series()
    counts = first & ~seen.mark(sound) if seen else first
    accepted = sound.filter(counts)
    if seen:
        seen.add(accepted)
    return DayRead(
        day=day,
        accepted=accepted,
        duplicates=sound.filter(~counts).select(*DUPLICATES.columns),
        quarantined=pl.concat([QUARANTINE.empty(), *(read.quarantined for read in reads)]),
        records=sum(read.records for read in reads),
        files=[read.file.relative for read in reads],
        refused_files={read.file.relative: read.refused for read in reads if read.refused},
    )
