"""Which files of the landing zone are complete, and their fingerprints. Only ever reads."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from user_code.shared.landing import KnownFile, LandedFile

# A folder is closed, and then counts as one file, when this is in it.
COMPLETE = "_COMPLETE"

# Bytes of a file's head and of its tail that enter its fingerprint.
_EDGE = 65_536


def list_landing(
    landing: Path,
    domain: str,
    settle_seconds: float,
    now: float,
    *,
    closed_folders: bool = False,
    known: Mapping[str, KnownFile] | None = None,
    budget_seconds: float = 30,
) -> list[LandedFile]:
    """The complete files below `landing/<domain>`, sorted by path; empty if there is no folder.

    Complete: nothing has touched it (size, time, name) for `settle_seconds` before `now` (seconds
    since 1970). Dotfiles, `.part` and `.tmp` are ignored. With `closed_folders`, a folder that has
    `_COMPLETE` in it counts as one file, and any other folder is still being filled; without, all
    folders are looked into. Fingerprints are taken from `known` where a path is untouched; files
    that are left when `budget_seconds` are used up are for the next call.
    """
    known = known or {}
    deadline = time.monotonic() + budget_seconds
    found = []
    for path, members in _entries(landing / domain, closed_folders):
        try:
            stats = [(member, member.stat()) for member in members]
        except OSError:
            continue  # moved or removed while we looked, or a link to nothing
        # The change time is the kernel's own: `cp -p` and `touch -d` can't set it.
        if not stats or max(stat.st_ctime for _, stat in stats) > now - settle_seconds:
            continue
        name = path.relative_to(landing).as_posix()
        stamp = _stamp(stats)
        before = known.get(name)
        if before is not None and before.stamp == stamp:
            fingerprint = before.fingerprint
        elif time.monotonic() > deadline:
            continue
        else:
            try:
                fingerprint = _fingerprint(stats)
            except OSError:
                continue
        size = sum(stat.st_size for _, stat in stats)
        newest = max(stat.st_mtime_ns for _, stat in stats)
        found.append(LandedFile(name, size, newest, fingerprint, stamp))
    return found


def _entries(folder: Path, closed_folders: bool) -> Iterator[tuple[Path, list[Path]]]:
    """Each file or closed folder with the files that belong to it, sorted."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name.endswith((".part", ".tmp")):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not closed_folders:
                yield from _entries(path, closed_folders)
            elif (path / COMPLETE).is_file():
                yield path, sorted(member for member in path.rglob("*") if member.is_file())
        elif entry.is_file():
            yield path, [path]


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
