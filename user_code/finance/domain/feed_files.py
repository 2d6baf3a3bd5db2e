"""The names of landed files, `<source>/<name>-YYYY-MM-DD[.vN].csv[.gz]`: which version counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_NAME = re.compile(
    r"(?P<name>[^.].*?)-(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.v(?P<version>[0-9]{1,6}))?"
    r"\.csv(?P<gz>\.gz)?"
)


@dataclass(frozen=True, order=True)
class FeedFile:
    """One landed file. Identity is source, date and name; the order is the order of precedence."""

    date: date
    source: str
    name: str
    version: int
    path: Path

    @property
    def relative(self) -> str:
        """`<source>/<file name>`, as it is kept beside every row."""
        return f"{self.source}/{self.path.name}"


def parse_feed_path(path: Path) -> FeedFile | None:
    """The feed file that `…/<source>/<file name>` names; None if the name fits no pattern."""
    source, match = path.parent.name, _NAME.fullmatch(path.name)
    if match is None or not _SOURCE.fullmatch(source):
        return None
    try:
        day = date.fromisoformat(match["date"])
    except ValueError:
        return None
    # No row of another century is accepted, and a window before year 1 has no dates.
    if not 1900 <= day.year < 2200:
        return None
    return FeedFile(day, source, match["name"], int(match["version"] or 0), path)


def list_feed_files(folder: Path) -> tuple[list[FeedFile], list[str]]:
    """All feed files in `<folder>/<source>/`, sorted, and the relative paths that fit no pattern.

    Dotfiles, `.part` and `.tmp` are files on their way in: neither. Raises OSError for a folder
    that may not be read: to take it for an empty one would lose its files without a word.
    """
    files, strange = [], []
    for source in _entries(folder):
        if not source.is_dir():
            strange.append(source.name)
            continue
        for path in _entries(source):
            parsed = parse_feed_path(path) if path.is_file() else None
            if parsed is None:
                strange.append(f"{source.name}/{path.name}" + ("/" if path.is_dir() else ""))
            else:
                files.append(parsed)
    return sorted(files), sorted(strange)


def _entries(folder: Path) -> list[Path]:
    try:
        found = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):  # removed while we looked
        return []
    return [
        path
        for path in found
        if not path.name.startswith(".") and path.suffix not in {".part", ".tmp"}
    ]


def current_versions(files: Iterable[FeedFile]) -> list[FeedFile]:
    """The highest version of each file: a correction replaces every row of what it corrects.

    A plain and a compressed file of one version are the same file; the plain one is read.
    """
    newest: dict[tuple[date, str, str], FeedFile] = {}
    for file in sorted(files, key=lambda each: (each.version, each.path.suffix == ".csv")):
        newest[file.date, file.source, file.name] = file
    return sorted(newest.values())
