"""A day's files → accepted transactions, duplicates and quarantine: every record in exactly one."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from user_code.finance.domain.contracts import (
    DUPLICATES,
    FIELDS,
    FINANCIAL_TRANSACTIONS,
    QUARANTINE,
)
from user_code.finance.domain.feed_files import FeedFile, current_versions
from user_code.finance.domain.fields import check_fields
from user_code.finance.domain.records import (
    FileRefused,
    Header,
    RecordBatch,
    physical_lines,
    read_header,
    split_lines,
)
from user_code.finance.domain.source_contract import DEFAULT, SourceContract


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
    header: Header | None = None
    sound, unsound = [], []
    records = 0
    try:
        for numbered in physical_lines(file.path):
            if header is None:
                header = read_header(numbered.pop(0)[1], contract)
            records += len(numbered)
            batch = split_lines(numbered, header, contract)
            unsound.append(_refused((line, raw, [why]) for line, raw, why in batch.refused))
            if batch.lines:
                checked = _type(batch, header, contract, file)
                good = pl.col("reasons").list.len() == 0
                sound.append(checked.filter(good).drop("raw_line", "reasons"))
                unsound.append(checked.filter(~good).select(_QUARANTINED))
        if header is None:
            raise FileRefused("file: empty, without even a header")
    except FileRefused as error:
        return _refuse(file, str(error))
    accepted = FINANCIAL_TRANSACTIONS.empty()
    if sound:
        accepted = _with_origin(pl.concat(sound), file).select(*FINANCIAL_TRANSACTIONS.columns)
    return FileRead(file, accepted, _quarantine(file, unsound), records)


def _refuse(file: FeedFile, reason: str) -> FileRead:
    """Every record of the file that can be read, in quarantine for the same reason."""
    lines: list[tuple[int, bytes, list[str]]] = []
    with suppress(FileRefused):
        for numbered in physical_lines(file.path):
            lines += ((number, line, [reason]) for number, line in numbered)
    quarantined = _quarantine(file, [_refused(lines[1:])])
    return FileRead(
        file, FINANCIAL_TRANSACTIONS.empty(), quarantined, quarantined.height, refused=reason
    )


def _refused(lines: Iterable[tuple[int, bytes, list[str]]]) -> pl.DataFrame:
    schema = {name: QUARANTINE.columns[name] for name in _QUARANTINED}
    return pl.DataFrame(list(lines), schema=schema, orient="row")


def _quarantine(file: FeedFile, unsound: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat([_refused([]), *unsound])
    return _with_origin(rows, file).select(*QUARANTINE.columns).sort("line")


_QUARANTINED = ("line", "raw_line", "reasons")


def _with_origin(frame: pl.DataFrame, file: FeedFile) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(file.source).alias("source"),
        pl.lit(file.date).alias("file_date"),
        pl.lit(file.relative).alias("file"),
    )


def _type(
    batch: RecordBatch, header: Header, contract: SourceContract, file: FeedFile
) -> pl.DataFrame:
    """Records as checked, typed rows beside their line and raw text."""
    columns = list(zip(*batch.fields, strict=True))
    text = pl.DataFrame(
        {
            "line": pl.Series(batch.lines, dtype=pl.Int64),
            "raw_line": pl.Series(batch.raws, dtype=pl.Binary),
            **{
                ours: pl.Series(columns[header.places[ours]], dtype=pl.String)
                if ours in header.places
                else pl.repeat(contract.constants[ours], len(batch.lines), eager=True)
                for ours in FIELDS
            },
        }
    )
    return check_fields(text, contract, file.date)


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
    seen: SeenIds,
    refused_sources: Mapping[str, str] | None = None,
) -> DayRead:
    """All current files of one day.

    Of records with one id the lowest by file name, version and line counts. `seen` holds the ids
    of earlier days and learns this day's. The order of `files` is of no account. The files of
    `refused_sources` (source → reason) are refused whole.
    """
    refused = refused_sources or {}
    reads = [
        _refuse(file, refused[file.source])
        if file.source in refused
        else read_file(file, contracts.get(file.source, DEFAULT))
        for file in current_versions(file for file in files if file.date == day)
    ]
    sound = pl.concat([FINANCIAL_TRANSACTIONS.empty(), *(read.sound for read in reads)])
    # current_versions sorts by name and version, lines come in order: the first is the lowest.
    first = sound.select(pl.struct("source", "transaction_id").is_first_distinct()).to_series()
    counts = first & ~seen.mark(sound)
    accepted = sound.filter(counts)
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
