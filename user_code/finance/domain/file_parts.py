"""One file, part by part: sound rows and refused records, in the memory of a part."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from user_code.finance.domain.clean_lines import SplitBlock, split_block
from user_code.finance.domain.contracts import QUARANTINE
from user_code.finance.domain.feed_files import FeedFile
from user_code.finance.domain.file_lines import FileRefused, Line, LineBlock, line_blocks
from user_code.finance.domain.kept_memory import keep_freed_memory
from user_code.finance.domain.multiline import RecordJoiner
from user_code.finance.domain.plain_fields import type_rows
from user_code.finance.domain.records import Header, split_lines, take_header
from user_code.finance.domain.source_contract import SourceContract

if TYPE_CHECKING:
    from user_code.finance.domain.usual_rows import ScannedBlock

_REFUSED = {name: QUARANTINE.columns[name] for name in ("line", "raw_line", "reasons")}
_NONE_REFUSED = pl.DataFrame(schema=_REFUSED)


@dataclass(frozen=True)
class FilePart:
    """Some records of a file: `records` is the number of rows in both frames.

    `sound`: `line` and the columns of a transaction; `unsound`: `line`, `raw_line`, `reasons`.
    """

    sound: pl.DataFrame
    unsound: pl.DataFrame

    @property
    def records(self) -> int:
        """How many physical records were read."""
        return self.sound.height + self.unsound.height


FAST_FROM_BYTES = 1 << 20
"""Only the reading of a larger file waits for the compiler's half a second."""
_MOST_WAITING = 10_000


def file_parts(file: FeedFile, contract: SourceContract) -> Iterator[FilePart]:
    """The file's records, nearly in order; FileRefused where the whole file must be refused.

    Rows in an unusual form come after the usual ones of some MB.
    """
    header: Header | None = None
    scan: _Scan | None = None
    joiner = RecordJoiner(contract) if contract.multiline else None
    waiting: list[Line] = []
    for block in line_blocks(file.path):
        if header is None:
            first = block.first_line()
            if not first[1]:
                continue
            header, block = take_header(first, contract)
            scan = _scan_for(file, header, contract)
            if not block.data:
                continue
        scanned = None
        if scan and not (joiner and (joiner.waits or b'"' in block.data)):
            scanned = scan(block, header, contract, file.date)
        if scanned is None:
            yield from _parts_of_block(block, header, contract, file, joiner)
            continue
        yield FilePart(scanned.sound, _NONE_REFUSED)
        waiting += scanned.left
        if len(waiting) > _MOST_WAITING:
            yield from _line_by_line(waiting, header, contract, file)
            waiting = []
    if header is None:
        raise FileRefused("file: empty, without even a header")
    yield from _line_by_line(waiting, header, contract, file)
    if joiner is not None:
        yield from _line_by_line(joiner.rest(), header, contract, file)


_Scan = Callable[[LineBlock, Header, SourceContract, date], "ScannedBlock | None"]


def _scan_for(file: FeedFile, header: Header, contract: SourceContract) -> _Scan | None:
    """The compiled way, where it is worth its start and knows the form."""
    if file.path.stat().st_size < FAST_FROM_BYTES:
        return None
    try:
        from user_code.finance.domain.usual_rows import is_usual, scan_block
    except (ImportError, RuntimeError):  # numba finds no folder to keep compiled code in
        return None
    if not is_usual(header, contract):
        return None
    keep_freed_memory()
    return scan_block


def _parts_of_block(
    block: LineBlock,
    header: Header,
    contract: SourceContract,
    file: FeedFile,
    joiner: RecordJoiner | None,
) -> Iterator[FilePart]:
    if joiner is not None and (joiner.waits or b'"' in block.data):
        lines = joiner.join(block.lines(empty=True))
        yield from _line_by_line(lines, header, contract, file)
        return
    split = split_block(block, header, contract)
    if split is None:
        yield from _line_by_line(block.lines(), header, contract, file)
        return
    quick = _quick(split, header, contract, file)
    if not split.odd:
        yield quick
        return
    for other in _line_by_line(split.odd, header, contract, file):
        yield FilePart(
            pl.concat([quick.sound, other.sound]).sort("line")
            if other.sound.height
            else quick.sound,
            pl.concat([quick.unsound, other.unsound]),
        )


def _quick(split: SplitBlock, header: Header, contract: SourceContract, file: FeedFile) -> FilePart:
    text = _named(split.fields.with_columns(split.lines), header, contract)
    sound, unsound = type_rows(text, contract, file.date)
    raws = pl.Series("raw_line", split.raw(unsound["line"]), dtype=pl.Binary)
    return FilePart(sound, unsound.with_columns(raws).select(*_REFUSED))


def _line_by_line(
    lines: list[Line], header: Header, contract: SourceContract, file: FeedFile
) -> Iterator[FilePart]:
    if not lines:
        return
    batch = split_lines(lines, header, contract)
    refused = refused_lines((number, raw, [why]) for number, raw, why in batch.refused)
    columns = list(zip(*batch.fields, strict=True)) or [()] * header.width
    fields = {
        f"c{place}": pl.Series(values, dtype=pl.String) for place, values in enumerate(columns)
    }
    numbers = pl.Series("line", batch.lines, dtype=pl.Int64)
    text = _named(pl.DataFrame(fields).with_columns(numbers), header, contract)
    sound, unsound = type_rows(text, contract, file.date)
    raws = pl.DataFrame({"line": numbers, "raw_line": pl.Series(batch.raws, dtype=pl.Binary)})
    unsound = unsound.join(raws, on="line", how="left", maintain_order="left").select(*_REFUSED)
    yield FilePart(sound, pl.concat([refused, unsound]))


def _named(fields: pl.DataFrame, header: Header, contract: SourceContract) -> pl.DataFrame:
    """Columns c0, c1, … as the header has them → `line` and our fields, constants included."""
    return fields.select(
        "line",
        *(
            pl.concat_str([f"c{place}" for place in places], separator="/").alias(ours)
            if len(places) > 1
            else pl.col(f"c{places[0]}").alias(ours)
            for ours, places in header.places.items()
        ),
        *(pl.lit(value).alias(ours) for ours, value in contract.constants.items()),
    )


def all_records(file: FeedFile, contract: SourceContract) -> list[Line]:
    """Every record of the file that can be read, but the header."""
    lines: list[Line] = []
    with suppress(FileRefused):
        for block in line_blocks(file.path):
            lines += block.lines(empty=contract.multiline)
    while lines and not lines[0][1]:
        lines.pop(0)
    if not contract.multiline:
        return lines[1:]
    return RecordJoiner(contract).join(lines[1:], last=True)


def refused_lines(lines: Iterable[tuple[int, bytes, list[str]]]) -> pl.DataFrame:
    """Number, bytes and reasons of records → `line`, `raw_line`, `reasons`."""
    return pl.DataFrame(list(lines), schema=_REFUSED, orient="row")
