"""How full the disks are that the volumes lie on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A file system; sizes in bytes. `name` says what lies on it."""

    name: str
    total: int
    free: int


def disks(folders: Iterable[tuple[str, Path]]) -> list[Disk]:
    """The file systems of these (name, folder), each once; absent folders don't count."""
    found: dict[int, tuple[list[str], Path]] = {}
    for name, folder in folders:
        if folder.exists():
            found.setdefault(folder.stat().st_dev, ([], folder))[0].append(name)
    return [
        Disk(", ".join(names), (usage := shutil.disk_usage(folder)).total, usage.free)
        for names, folder in found.values()
    ]
