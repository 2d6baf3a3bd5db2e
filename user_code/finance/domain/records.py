"""A file's bytes → physical records as text fields, or as refused lines with their reason.

A physical record is a line that is neither the header nor empty. Each is read by itself, so that a
stray quote, a NUL or a broken byte costs one record and never the ones beside it.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from user_code.finance.domain.contracts import FIELDS
from user_code.finance.domain.source_contract import SourceContract

BLOCK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


@dataclass
class RecordBatch:
    """Some records of a file. `fields` holds one list of texts per record, as the header orders."""

    lines: list[int] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    fields: list[list[str]] = field(default_factory=list)
    refused: list[tuple[int, bytes, str]] = field(default_factory=list)


class FileRefused(Exception):
    """The file cannot be read as a feed (no header, damaged gzip): all its records are refused."""


@dataclass(frozen=True)
class Header:
    """How many fields a record must have, and at which place each of ours is."""

    width: int
    places: dict[str, int]


def physical_lines(path: Path) -> Iterator[list[tuple[int, bytes]]]:
    """Blocks of numbered lines without their ends, empty ones left out; line numbers begin at 1.

    Raises FileRefused, after the lines that could be read, where a gzip stream is damaged, and at
    once if the file cannot be opened.
    """
    number, tail, first, damage = 0, b"", True, ""
    with _open(path) as stream:
        while True:
            try:
                block = stream.read1(BLOCK_BYTES)
            except (EOFError, OSError, zlib.error):
                block, damage = b"", "file: its gzip stream is damaged or cut off"
            if first:
                block, first = block.removeprefix(_BOM), False
            *lines, tail = (tail + block).split(b"\n") if block else [tail, b""]
            numbered = []
            for line in lines:
                number += 1
                body = line[:-1] if line.endswith(b"\r") else line
                if body:
                    numbered.append((number, body))
            if numbered:
                yield numbered
            if not block:
                break
    if damage:
        raise FileRefused(damage)


def read_header(line: bytes, contract: SourceContract) -> Header:
    """The header's form; raises FileRefused if it lacks a column or names one twice."""
    names, reason = split_record(line, contract)
    if names is None:
        raise FileRefused(f"file: its header cannot be read ({reason})")
    names = [name.strip() for name in names]
    places = {}
    for ours in FIELDS:
        theirs = contract.column_of(ours)
        if theirs is None:
            continue
        if names.count(theirs) != 1:
            problem = "names twice" if theirs in names else "lacks"
            raise FileRefused(f"file: its header {problem} the column {theirs}")
        places[ours] = names.index(theirs)
    return Header(len(names), places)


def split_record(line: bytes, contract: SourceContract) -> tuple[list[str] | None, str]:
    """The fields of one line, or None and why not. Quotes follow RFC 4180, within the line."""
    try:
        text = line.decode(contract.encoding)
    except UnicodeDecodeError:
        return None, f"bytes: not valid {contract.encoding}"
    if "\0" in text:
        return None, "bytes: a NUL"
    if "\r" in text:
        return None, "bytes: a carriage return inside the line"
    if '"' not in text:
        return text.split(contract.delimiter), ""
    return _split_quoted(text, contract.delimiter)


def _split_quoted(text: str, delimiter: str) -> tuple[list[str] | None, str]:
    quoted, plain = _patterns(delimiter)
    fields, place = [], 0
    while True:
        match = quoted.match(text, place)
        if match:
            fields.append(match[1].replace('""', '"'))
        else:
            match = plain.match(text, place)
            if match is None:
                return None, "quote: stray or not closed on its line"
            fields.append(match[1])
        place = match.end()
        if not match[2]:
            return fields, ""


_PATTERNS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {}


def _patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    if delimiter not in _PATTERNS:
        d = re.escape(delimiter)
        # Possessive: a quote that does not close fails at once, not after trying every shorter
        # match.
        _PATTERNS[delimiter] = (
            re.compile(rf'"((?:[^"]|"")*+)"({d}|\Z)'),
            re.compile(rf'([^"{d}]*+)({d}|\Z)'),
        )
    return _PATTERNS[delimiter]


def split_lines(
    numbered: list[tuple[int, bytes]], header: Header, contract: SourceContract
) -> RecordBatch:
    """A block of lines → records with the header's number of fields, the rest refused."""
    batch = RecordBatch()
    for number, line in numbered:
        fields, reason = split_record(line, contract)
        if fields is None:
            batch.refused.append((number, line, reason))
        elif len(fields) != header.width:
            few_or_many = "few" if len(fields) < header.width else "many"
            batch.refused.append((number, line, f"fields: too {few_or_many}"))
        else:
            batch.lines.append(number)
            batch.raws.append(line)
            batch.fields.append(fields)
    return batch


def count_records(path: Path) -> int:
    """How many physical records the file has, as far as it can be read; nothing is parsed."""
    lines = 0
    try:
        for numbered in physical_lines(path):
            lines += len(numbered)
    except FileRefused:
        pass
    return max(lines - 1, 0)


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    try:
        return gzip.GzipFile(path, "rb") if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise FileRefused(f"file: cannot be opened ({error.strerror})") from error
