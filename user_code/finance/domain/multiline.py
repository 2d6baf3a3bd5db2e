"""Lines → records where a quoted field may hold line ends (`multiline: true` in the contract)."""

import re

from user_code.finance.domain.file_lines import Line
from user_code.finance.domain.source_contract import SourceContract

LONGEST_QUOTED = 64 * 1024
"""Bytes after an opening quote within which it must close; else it is stray."""


class RecordJoiner:
    """Joins lines whose last quoted field is closed on a later one.

    A quote that isn't closed within LONGEST_QUOTED, not before the file's end, or not followed by
    a delimiter where it is closed, is stray: its line is a record by itself (which the parser then
    refuses), and the next line is read as if nothing had been.
    """

    def __init__(self, contract: SourceContract) -> None:
        self._encoding = contract.encoding
        d = re.escape(contract.delimiter)
        plain, inside = rf'[^"{d}]*+', '(?:[^"]|"")*+'
        fields = rf'(?:{plain}{d}|"{inside}"{d})*+'
        # From the begin of a field: up to an opening quote that the text doesn't close.
        self._opens = re.compile(rf'{fields}"{inside}\Z')
        self._closes = re.compile(rf'{inside}"(?={d}|\Z)')
        self._waiting: list[Line] = []

    @property
    def waits(self) -> bool:
        """Whether a record is open, so that the next lines may belong to it."""
        return bool(self._waiting)

    def join(self, lines: list[Line], *, last: bool = False) -> list[Line]:
        """Numbered lines, empty ones included → records, as far as they are closed."""
        lines, self._waiting = [*self._waiting, *lines], []
        records, place = [], 0
        while place < len(lines):
            number, line = lines[place]
            end = self._end_of(lines, place) if b'"' in line else place
            if end is None and not last:
                self._waiting = lines[place:]
                break
            end = place if end is None else end
            if line or end > place:
                records.append((number, b"\n".join(body for _, body in lines[place : end + 1])))
            place = end + 1
        return records

    def rest(self) -> list[Line]:
        """What is left at the file's end: no more lines will close it."""
        return self.join([], last=True)

    def _end_of(self, lines: list[Line], place: int) -> int | None:
        """The index of the line on which the record at `place` ends; None if that is unknown."""
        text = self._text(lines[place][1])
        if not self._opens.match(text):
            return place
        size = len(lines[place][1]) - lines[place][1].find(b'"')
        for index in range(place + 1, len(lines)):
            body = lines[index][1]
            size += len(body) + 1
            if size > LONGEST_QUOTED:
                return place
            if b'"' not in body:
                continue
            text = self._text(body)
            close = self._closes.match(text)
            if close:
                rest = text[close.end() + 1 :]
                if not self._opens.match(rest):
                    return index
            elif not re.match('(?:[^"]|"")*+\\Z', text):
                return place
        return None

    def _text(self, line: bytes) -> str:
        return line.decode(self._encoding, "replace")
