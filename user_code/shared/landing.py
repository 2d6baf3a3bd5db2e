"""What arrived in the landing zone, what is known of it, and which runs follow. Pure: no clock,
no disk, no Dagster.

A file's identity is its path, size, time and a hash of its head and tail. Any change makes a run,
also back to an older file with its old time: the run key holds how often the path has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from user_code.shared.partition_keys import PartitionKeyError, check_partition_key

# One run reads at most so many days: a year of a feed, and not twenty.
LONGEST_RANGE_DAYS = 366

# Run requests of one tick; what is over comes in the next.
MOST_REQUESTS = 20

FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class LandedFile:
    """A complete file (or closed folder). `path` is relative to the landing zone, size in bytes.

    `stamp` is what tells cheaply that nothing was written since the fingerprint was taken.
    """

    path: str
    size: int
    mtime_ns: int
    fingerprint: str
    stamp: str = ""


@dataclass(frozen=True)
class KnownFile:
    """What is remembered of a path. `partition` is empty for a name that fits no pattern.

    `asked` is false while it isn't certain that its run request has reached Dagster.
    """

    fingerprint: str
    partition: str
    changes: int
    asked: bool = True
    stamp: str = ""


@dataclass(frozen=True)
class PlannedRun:
    """One run for these partitions, in order. `run_key` is new whenever a file of them changed."""

    partitions: tuple[str, ...]
    run_key: str

    def range_tags(self) -> dict[str, str]:
        """Dagster's tags for one run over several days; empty for a single partition."""
        if len(self.partitions) == 1:
            return {}
        return {
            "dagster/asset_partition_range_start": self.partitions[0],
            "dagster/asset_partition_range_end": self.partitions[-1],
        }


@dataclass(frozen=True)
class Decision:
    """What follows: runs, what to remember from now on (changed paths only), odd names.

    `unrecognised` are all paths that fit no pattern; `news` says whether one of them is new.
    """

    runs: tuple[PlannedRun, ...]
    remember: Mapping[str, KnownFile]
    unrecognised: tuple[str, ...]
    news: bool


def decide(
    arrived: Iterable[LandedFile],
    known: Mapping[str, KnownFile],
    *,
    to_partition: Callable[[str], str | None],
    daily: bool,
    today: date,
    tick: int = 1,
    most_requests: int = MOST_REQUESTS,
) -> Decision:
    """Which runs the arrived files ask for.

    Unchanged paths ask for nothing. Days that follow each other become one run; a day after
    `today` waits for its time, one after tomorrow counts as unrecognised. Paths of runs beyond
    `most_requests` are not remembered, so that the next call plans them. `tick` only grows: a path
    that seems new, because what was known is lost, still gets a run key of its own.
    """
    changed: dict[str, dict[str, KnownFile]] = {}
    remember: dict[str, KnownFile] = {}
    unrecognised: list[str] = []
    news = False
    for file in arrived:
        partition = _partition(file.path, to_partition, daily, today)
        if partition and daily and date.fromisoformat(partition) > today:
            continue
        before = known.get(file.path)
        after = _after(file, partition, before, tick)
        if not partition:
            unrecognised.append(file.path)
            if after != before:
                remember[file.path] = after
                news = True
        elif after != before and _same(after, before) and before is not None and before.asked:
            remember[file.path] = after  # touched, but the same file
        elif after != before:
            changed.setdefault(partition, {})[file.path] = after
    groups = _consecutive(sorted(changed)) if daily else [[key] for key in sorted(changed)]
    runs = []
    for group in groups[:most_requests]:
        files = {path: file for key in group for path, file in changed[key].items()}
        runs.append(PlannedRun(tuple(group), _run_key(group, files)))
        remember.update(files)
    return Decision(tuple(runs), remember, tuple(sorted(unrecognised)), news)


def _partition(
    path: str, to_partition: Callable[[str], str | None], daily: bool, today: date
) -> str:
    """The file's partition key; empty if its name fits no pattern or no possible day."""
    try:
        key = to_partition(path)
        if key is None:
            return ""
        check_partition_key(key)
        if daily and not FIRST_DAY <= date.fromisoformat(key) <= today + timedelta(days=1):
            return ""
    except (PartitionKeyError, ValueError):
        return ""
    return key


def _after(file: LandedFile, partition: str, before: KnownFile | None, tick: int) -> KnownFile:
    """What to remember of `file`: asked for, and one change more unless it is the same."""
    changes = before.changes if before else 0
    after = KnownFile(file.fingerprint, partition, changes, stamp=file.stamp)
    if _same(after, before):
        return after
    return KnownFile(file.fingerprint, partition, max(changes + 1, tick), stamp=file.stamp)


def _same(after: KnownFile, before: KnownFile | None) -> bool:
    return before is not None and (before.fingerprint, before.partition) == (
        after.fingerprint,
        after.partition,
    )


def _consecutive(days: Sequence[str]) -> list[list[str]]:
    """Sorted ISO days in groups without a gap, none longer than LONGEST_RANGE_DAYS."""
    groups: list[list[str]] = []
    for day in days:
        follows = groups and date.fromisoformat(groups[-1][-1]) + timedelta(
            days=1
        ) == date.fromisoformat(day)
        if follows and len(groups[-1]) < LONGEST_RANGE_DAYS:
            groups[-1].append(day)
        else:
            groups.append([day])
    return groups


def _run_key(group: Sequence[str], files: Mapping[str, KnownFile]) -> str:
    digest = hashlib.sha256()
    for path, file in sorted(files.items()):
        digest.update(f"{path}\0{file.fingerprint}\0{file.changes}\0".encode())
    span = group[0] if len(group) == 1 else f"{group[0]}..{group[-1]}"
    return f"landing:{span}:{digest.hexdigest()[:24]}"
