"""What is probably wrong with a file whose header has not what it should: one clause, or nothing.

Never with words of the file: where the header is missing, its first line is data.
"""

import re
from collections.abc import Collection

from user_code.finance.domain.source_contract import SourceContract

_KINDS = (
    (b"PK\x03\x04", "it is a workbook or a ZIP archive: save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "it is an old workbook: save the table as CSV"),
    (b"%PDF", "it is a PDF: ask for CSV"),
    (b"\x1f\x8b", "it is compressed: name it .csv.gz"),
    (b"\xff\xfe", "it is UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "it is UTF-16: save it as UTF-8"),
    (b"<", "it is a web page or XML, perhaps a login page that was saved as the feed"),
    (b"\xef\xbb\xbf", "it begins with two byte order marks: leave one away"),
    (b"sep=", "it begins with a spreadsheet's sep= line: leave it away"),
)
_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_DATA = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}[./][0-9]{2}[./][0-9]{4}|[+-]?[0-9]+[.,][0-9]+"
)


def kind_of_file(line: bytes) -> str:
    """What it is instead of a feed, by its first line, and what helps; empty if that isn't seen."""
    for beginning, words in _KINDS:
        if line.startswith(beginning):
            return words
    if b"\r" in line:
        return "its lines end with carriage returns alone: convert the line ends"
    return ""


def likely_cause(line: bytes, wanted: Collection[str], contract: SourceContract) -> str:
    """Why it has none of the `wanted` columns, and what helps; empty if nothing is likely."""
    kind = kind_of_file(line)
    if kind:
        return kind
    text = line.decode(contract.encoding, "replace")
    for delimiter, words in _DELIMITERS.items():
        if delimiter != contract.delimiter and set(wanted) <= set(_names(text, delimiter)):
            return f"its fields are separated by {words}: say so by `delimiter` in the contract"
    names = _names(text, contract.delimiter)
    if {name.casefold() for name in wanted} <= {name.casefold() for name in names}:
        return (
            "it has them in other letters, small or capital: name them by `columns` in the contract"
        )
    if any(_DATA.match(name) for name in names):
        return "its first line looks like a record: a header is required"
    return ""


def _names(text: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"') for name in text.split(delimiter)]
