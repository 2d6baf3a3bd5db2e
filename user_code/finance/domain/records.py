"""A file's bytes → physical records as text fields, or as refused lines with their reason.

A physical record is a line that is neither the header nor empty. Each is read by itself, so that a
stray quote, a NUL or a broken byte costs one record and never the ones beside it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from user_code.finance.domain.contracts import FIELDS
from user_code.finance.domain.file_lines import FileRefused, Line, LineBlock, line_blocks
from user_code.finance.domain.header_faults import kind_of_file, likely_cause
from user_code.finance.domain.multiline import RecordJoiner
from user_code.finance.domain.source_contract import SourceContract


@dataclass
class RecordBatch:
    """Some records of a file. `fields` holds one list of texts per record, as the header orders."""

    lines: list[int] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    fields: list[list[str]] = field(default_factory=list)
    refused: list[tuple[int, bytes, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Header:
    """How many fields a record must have, and at which places each of ours is."""

    width: int
    places: dict[str, tuple[int, ...]]


def read_header(line: bytes, contract: SourceContract) -> Header:
    """The header's form; raises FileRefused if it lacks a column or names one twice."""
    wanted = {ours: contract.columns_of(ours) for ours in FIELDS}
    if contract.control_totals is not None:
        wanted["month_to_date"] = (contract.control_totals.month_to_date,)
    all_theirs = [name for group in wanted.values() for name in group]
    names, reason = split_record(line, contract)
    if names is None:
        cause = _after_semicolon(kind_of_file(line))
        raise FileRefused(f"file: its header cannot be read ({reason}){cause}")
    names = [name.strip() for name in names]
    for theirs in all_theirs:
        if theirs not in names:
            cause = _after_semicolon(likely_cause(line, all_theirs, contract))
            raise FileRefused(f"file: its header lacks the column {theirs}{cause}")
        if names.count(theirs) > 1:
            raise FileRefused(f"file: its header names twice the column {theirs}")
    places = {ours: tuple(map(names.index, theirs)) for ours, theirs in wanted.items() if theirs}
    return Header(len(names), places)


def _after_semicolon(cause: str) -> str:
    return f"; {cause}" if cause else ""


def take_header(
    first: tuple[int, bytes, bytes], contract: SourceContract
) -> tuple[Header, LineBlock]:
    """The header on a block's first line, and the block after it; raises FileRefused."""
    number, line, rest = first
    return read_header(line, contract), LineBlock(number + 1, rest)


def split_record(line: bytes, contract: SourceContract) -> tuple[list[str] | None, str]:
    """The fields of one record, or None and why not. Quotes follow RFC 4180, within the record."""
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


def split_lines(records: list[Line], header: Header, contract: SourceContract) -> RecordBatch:
    """Some records → those with the header's number of fields, the rest refused."""
    batch = RecordBatch()
    for number, line in records:
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


def count_records(path: Path, contract: SourceContract | None = None) -> int:
    """How many physical records the file has, as far as it can be read; nothing is parsed."""
    joiner = RecordJoiner(contract) if contract and contract.multiline else None
    records, header = 0, True
    try:
        for block in line_blocks(path):
            lines = block.lines(empty=joiner is not None)
            if header and any(line for _, line in lines):
                while not lines.pop(0)[1]:
                    pass
                header = False
            records += len(joiner.join(lines) if joiner else lines)
    except FileRefused:
        pass
    return records + (len(joiner.rest()) if joiner else 0)
