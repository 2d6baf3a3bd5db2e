"""The quickest way, for large files in a usual form: compiled code cuts, checks and casts at once.

Rows that it isn't sure of are handed back as they are, for the general way.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from user_code.finance.domain import row_kernel as kernel
from user_code.finance.domain.contracts import MONEY
from user_code.finance.domain.currencies import currency_digits
from user_code.finance.domain.file_lines import Line, LineBlock
from user_code.finance.domain.records import Header
from user_code.finance.domain.source_contract import ISO_8601, SourceContract

_MOST_LEFT, _FEW = 0.25, 100
_SHORTEST_ROW = 23
"""Bytes: six fields, of which a date has ten, a currency three and all others one, and their ends.
"""
_PLACE_OF = {
    "transaction_id": kernel.ID,
    "booked_at": kernel.TIME,
    "account_id": kernel.ACCOUNT,
    "category": kernel.CATEGORY,
    "amount": kernel.AMOUNT,
    "currency": kernel.CURRENCY,
}
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class ScannedBlock:
    """`sound`: `line` and the columns of a transaction; `left`: the rows that aren't in it."""

    sound: pl.DataFrame
    left: list[Line]


def is_usual(header: Header, contract: SourceContract) -> bool:
    """Whether the compiled way knows this form."""
    return (
        contract.date_format == ISO_8601
        and contract.time_zone == "UTC"
        and contract.signs == "leading"
        and contract.encoding in ("utf-8", "ascii")
        and contract.control_totals is None
        and not contract.constants
        and header.width > 1
        and all(len(places) == 1 for places in header.places.values())
    )


def scan_block(
    block: LineBlock, header: Header, contract: SourceContract, file_date: date
) -> ScannedBlock | None:
    """The block's rows; None if so many are unusual that the general way is quicker.

    `is_usual` must hold.
    """
    data = block.data
    if not data.endswith(b"\n") or len(data) < 8:
        data += b"\n" * 8  # empty lines are none
    most = len(data) // _SHORTEST_ROW + 1
    lines = np.empty(most, dtype=np.int64)
    texts = np.empty((4, most, 2), dtype=np.uint64)
    moments = np.empty(most, dtype=np.int64)
    days = np.empty(most, dtype=np.int32)
    amounts = np.empty((most, 2), dtype=np.int64)
    left = np.empty((most // 4 + 2 * _FEW, 3), dtype=np.int64)
    last = (file_date - _EPOCH).days
    first = (file_date - timedelta(days=contract.window_days) - _EPOCH).days
    taken, n_left = kernel.scan_rows(
        np.frombuffer(data, dtype=np.uint8),
        np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,)),
        block.number,
        _kinds(contract.delimiter, _is_text(data, contract.encoding)),
        _places(header),
        _digits(tuple(sorted(contract.digits.items()))),
        ord(contract.decimal),
        first,
        last,
        lines, texts, moments, days, amounts, left,
    )  # fmt: skip
    if n_left > max(_MOST_LEFT * (taken + n_left), _FEW) or n_left == len(left):
        return None
    names = ("transaction_id", "account_id", "category", "currency")
    buffer = pa.py_buffer(data)
    columns = {
        "line": _typed(pa.int64(), lines[:taken]),
        **{name: _texts(texts[place][:taken], buffer) for place, name in enumerate(names)},
        "booked_at": _typed(pa.timestamp("us", tz="UTC"), moments[:taken]),
        "date": _typed(pa.date32(), days[:taken]),
        "amount": _typed(pa.decimal128(38, 4), amounts[:taken]),
    }
    sound = pl.DataFrame({name: pl.from_arrow(column) for name, column in columns.items()})
    return ScannedBlock(
        sound.select(
            "line", "transaction_id", "booked_at", "date", "account_id", "category", "amount",
            "currency", pl.lit(None, dtype=MONEY).alias("month_to_date"),
        ),
        [(int(line), data[begin:end]) for line, begin, end in left[:n_left].tolist()],
    )  # fmt: skip


def _texts(views: npt.NDArray[np.uint64], body: pa.Buffer) -> pa.Array:
    return pa.Array.from_buffers(pa.string_view(), len(views), [None, pa.py_buffer(views), body])


def _typed(kind: pa.DataType, values: npt.NDArray[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _is_text(data: bytes, encoding: str) -> bool:
    """Whether all bytes above 127 are sound letters of the encoding."""
    if data.isascii():
        return True
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


@cache
def _kinds(delimiter: str, letters: bool) -> npt.NDArray[Any]:
    kinds = np.full(256, kernel.PLAIN, dtype=np.uint8)
    kinds[[0, 13, 34]] = kernel.STRANGE
    if not letters:
        kinds[128:] = kernel.STRANGE
    kinds[10] = kernel.NEWLINE
    kinds[ord(delimiter)] = kernel.DELIMITER
    return kinds


def _places(header: Header) -> npt.NDArray[Any]:
    places = np.full(header.width, kernel.OTHER, dtype=np.int64)
    for name, (place,) in header.places.items():
        places[place] = _PLACE_OF[name]
    return places


@cache
def _digits(own: tuple[tuple[str, int], ...]) -> npt.NDArray[Any]:
    digits = np.full(26**3, -1, dtype=np.int64)
    for code, number in {**currency_digits(), **dict(own)}.items():
        if len(code) == 3:
            first, second, third = (ord(letter) - 65 for letter in code)
            digits[(first * 26 + second) * 26 + third] = number
    return digits
