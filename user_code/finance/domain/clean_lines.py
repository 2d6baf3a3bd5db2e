"""The quick way for the many lines that hold nothing odd; the others are left to `records`.

A line is plain if it has no quote, NUL or carriage return, is valid UTF-8, and has exactly the
header's number of delimiters: then its fields are what is between these, whoever parses them. What
is here must give what `records.split_lines` gives, which a test compares.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from user_code.finance.domain.file_lines import Line, LineBlock
from user_code.finance.domain.records import Header
from user_code.finance.domain.source_contract import SourceContract

Positions = npt.NDArray[np.int64]

_MOST_ODD = 0.25
"""With a larger share of odd lines the whole block is read line by line."""


@dataclass(frozen=True)
class SplitBlock:
    """The plain lines as a table of texts, one column a field, and the odd ones as they are."""

    fields: pl.DataFrame
    lines: pl.Series
    odd: list[Line]
    begins: Positions
    data: bytes
    first: int

    def raw(self, lines: pl.Series) -> list[bytes]:
        """The bytes of these lines, by number."""
        ends = self.data.find
        found = []
        for number in lines.to_list():
            begin = int(self.begins[number - self.first])
            end = ends(b"\n", begin)
            found.append(self.data[begin:] if end < 0 else self.data[begin:end])
        return found


def split_block(block: LineBlock, header: Header, contract: SourceContract) -> SplitBlock | None:
    """None if the block must be read line by line: an encoding or form that isn't plain."""
    data = block.data
    if contract.encoding not in ("utf-8", "ascii") or header.width < 2:
        return None
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data = data.removesuffix(b"\r") + b"\n"
    octets = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(octets == 10)
    begins = np.concatenate([[0], ends[:-1] + 1])
    delimiters = np.flatnonzero(octets == ord(contract.delimiter))
    count = np.diff(np.searchsorted(delimiters, ends), prepend=0)
    odd = (count != header.width - 1) & (begins < ends)
    _mark_odd_bytes(data, octets, ends, odd, contract)
    empty = begins == ends
    if odd.sum() > _MOST_ODD * len(ends):
        return None
    plain = ~(odd | empty)
    kept = data if plain.all() else _without(data, begins, ends, ~plain)
    numbers = np.flatnonzero(plain) + block.number
    if not len(numbers):
        return None
    fields = pl.read_csv(
        kept,
        has_header=False,
        separator=contract.delimiter,
        quote_char=None,
        schema={f"c{place}": pl.String for place in range(header.width)},
        empty_string_is_null=False,
    )
    if fields.height != len(numbers):
        return None
    odd_lines = [
        (int(index) + block.number, data[begins[index] : ends[index]])
        for index in np.flatnonzero(odd)
    ]
    return SplitBlock(fields, pl.Series("line", numbers), odd_lines, begins, data, block.number)


def _mark_odd_bytes(
    data: bytes,
    octets: npt.NDArray[np.uint8],
    ends: Positions,
    odd: npt.NDArray[np.bool_],
    contract: SourceContract,
) -> None:
    for each in (b'"', b"\0", b"\r"):
        if each in data:
            odd[np.searchsorted(ends, np.flatnonzero(octets == each[0]))] = True
    if data.isascii():
        return
    try:
        if contract.encoding == "ascii":
            raise UnicodeError
        data.decode()
    except UnicodeError:
        odd[np.unique(np.searchsorted(ends, np.flatnonzero(octets >= 128)))] = True


def _without(data: bytes, begins: Positions, ends: Positions, skip: npt.NDArray[np.bool_]) -> bytes:
    pieces, place = [], 0
    for index in np.flatnonzero(skip):
        pieces.append(data[place : begins[index]])
        place = int(ends[index]) + 1
    return b"".join([*pieces, data[place:]])
