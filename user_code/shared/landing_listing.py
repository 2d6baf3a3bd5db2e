"""Which files of the landing zone are complete, and their fingerprints. Only ever reads."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from user_code.shared.landing import KnownFile, LandedFile

# A folder is closed, and then counts as one file, when this is in it.
COMPLETE = "_COMPLETE"

# Bytes of a file's head and of its tail that enter its fingerprint.
_EDGE = 65_536


@dataclass(frozen=True)
class Listing:
    """What lies in the landing zone: complete files, and what may not be read, sorted by path.

    `unreadable` are paths of files and folders relative to the landing zone. `whole` is false if
    time was up before all files were looked at.
    """

    files: list[LandedFile]
    unreadable: list[str]
    whole: bool


def list_landing(
    landing: Path,
    domain: str,
    settle_seconds: float,
    now: float,
    *,
    closed_folders: bool = False,
    known: Mapping[str, KnownFile] | None = None,
    budget_seconds: float = 30,
) -> Listing:
    """The complete files below `landing/<domain>`; none if there is no such folder.

    Complete: nothing has touched it (size, time, name) for `settle_seconds` before `now` (seconds
    since 1970). Dotfiles, `.part` and `.tmp` are ignored. With `closed_folders`, a folder that has
    `_COMPLETE` in it counts as one file, and any other folder is still being filled; without, all
    folders are looked into. Fingerprints are taken from `known` where a path is untouched; files
    that are left when `budget_seconds` are used up are for the next call. What can't be read costs
    its own files alone, and is named.
    """
    known = known or {}
    deadline = time.monotonic() + budget_seconds
    found = []
    unreadable: set[str] = set()
    whole = True

    def note(path: Path, error: OSError) -> None:
        # What was moved or removed while we looked, or is being written, is nobody's fault.
        if not isinstance(error, FileNotFoundError) and _settled(path, now - settle_seconds):
            unreadable.add(path.relative_to(landing).as_posix())

    for path, members in _entries(landing / domain, closed_folders, note):
        try:
            stats = [(member, member.stat()) for member in members]
        except OSError as error:
            note(path, error)
            continue
        # The change time is the kernel's own: `cp -p` and `touch -d` can't set it.
        if not stats or max(stat.st_ctime for _, stat in stats) > now - settle_seconds:
            continue
        name = path.relative_to(landing).as_posix()
        stamp = _stamp(stats)
        before = known.get(name)
        if before is not None and before.stamp == stamp:
            fingerprint = before.fingerprint
        elif time.monotonic() > deadline:
            whole = False
            continue
        else:
            try:
                fingerprint = _fingerprint(stats)
            except OSError as error:
                note(path, error)
                continue
        size = sum(stat.st_size for _, stat in stats)
        newest = max(stat.st_mtime_ns for _, stat in stats)
        found.append(LandedFile(name, size, newest, fingerprint, stamp))
    return Listing(found, sorted(unreadable), whole)


def _entries(
    folder: Path, closed_folders: bool, note: Callable[[Path, OSError], None]
) -> Iterator[tuple[Path, list[Path]]]:
    """Each file or closed folder with the files that belong to it, sorted; `note` gets the rest."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        note(folder, error)
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name.endswith((".part", ".tmp")):
            continue
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder:
                members = [path] if entry.is_file() else []
            else:
                members = _members(path) if closed_folders else []
        except OSError as error:
            note(path, error)
            continue
        if is_folder and not closed_folders:
            yield from _entries(path, closed_folders, note)
        elif members:
            yield path, members


def _members(folder: Path) -> list[Path]:
    """All files of a closed folder, sorted; none if it isn't closed. OSError if one can't be seen.

    Not `rglob`, which passes over what it may not look into: a part would count as the whole.
    """
    with os.scandir(folder) as listed:
        if not any(entry.name == COMPLETE and entry.is_file() for entry in listed):
            return []
    found: list[Path] = []
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as listed:
            for entry in listed:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file():
                    found.append(Path(entry.path))
    return sorted(found)


def _settled(path: Path, since: float) -> bool:
    """Nothing has touched it after `since` (seconds since 1970), as far as that can be seen."""
    try:
        return path.lstat().st_ctime <= since
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _stamp(stats: list[tuple[Path, os.stat_result]]) -> str:
    digest = hashlib.sha256()
    for path, stat in stats:
        words = (path.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        digest.update(repr(words).encode())
    return digest.hexdigest()[:32]


def _fingerprint(stats: list[tuple[Path, os.stat_result]]) -> str:
    digest = hashlib.sha256()
    for path, stat in stats:
        digest.update(repr((path.name, stat.st_size, stat.st_mtime_ns)).encode())
        with path.open("rb") as file:
            digest.update(file.read(_EDGE))
            if stat.st_size > _EDGE:
                file.seek(max(_EDGE, stat.st_size - _EDGE))
                digest.update(file.read(_EDGE))
    return digest.hexdigest()[:32]
