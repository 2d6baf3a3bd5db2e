"""What a run may ask for by its tags, within what .env allows.

| tag | value | most |
|---|---|---|
| `assay/memory` | `512m`, `3g` | `ASSAY_RUN_MEMORY_MOST` |
| `assay/cpus` | `0.5`, `2` | `ASSAY_RUN_CPUS_MOST` |
| `assay/timeout` | `90s`, `30m`, `2h` | `ASSAY_RUN_TIMEOUT_MOST` |
| `dagster/max_runtime` | seconds: Dagster's own tag for the same | `ASSAY_RUN_TIMEOUT_MOST` |
| `assay/network` | `outside` | the jobs in `ASSAY_OUTSIDE_JOBS` |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from control_plane.settings import Settings, bytes_in, seconds_in

MEMORY_TAG = "assay/memory"
CPUS_TAG = "assay/cpus"
TIMEOUT_TAG = "assay/timeout"
NETWORK_TAG = "assay/network"
# Dagster's monitoring ends a run by the first, and where it lacks by the second.
RUNTIME_TAGS = ("dagster/max_runtime", "dagster/max_runtime_seconds")
OUTSIDE = "outside"

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

# Python and Dagster alone take more: a run with less would die before it could say why.
LEAST_MEMORY = 32 * 2**20
LEAST_CPUS = 0.01
PARTITION_CHARACTERS = 60


class RunTagError(ValueError):
    """A tag asks for something that a run cannot have; the message says what it may be."""


@dataclass(frozen=True)
class RunWishes:
    """What a run's container gets: memory in bytes; `timeout` in seconds, None without a tag."""

    memory: int
    cpus: float
    timeout: int | None = None
    outside: bool = False


def default_wishes(here: Settings) -> RunWishes:
    """What a run without any tag gets."""
    return RunWishes(here.run_memory_bytes(), here.run_cpus)


def run_wishes(tags: Mapping[str, str], job_name: str, here: Settings) -> RunWishes:
    """What a run of `job_name` with `tags` gets. RunTagError if it may not have it."""
    plain = default_wishes(here)
    if TIMEOUT_TAG not in tags:  # else the launcher sets Dagster's to the same
        for tag in RUNTIME_TAGS:
            _check_runtime(tag, tags.get(tag), here)
    return RunWishes(
        memory=_memory(tags[MEMORY_TAG], here) if MEMORY_TAG in tags else plain.memory,
        cpus=_cpus(tags[CPUS_TAG], here) if CPUS_TAG in tags else plain.cpus,
        timeout=_timeout(tags[TIMEOUT_TAG], here) if TIMEOUT_TAG in tags else None,
        outside=NETWORK_TAG in tags and _outside(tags[NETWORK_TAG], job_name, here),
    )


def partition_name(tags: Mapping[str, str]) -> str:
    """The run's partition, or range of partitions, as a part of a name; empty if it has none."""
    start, end = tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)
    text = f"{start}..{end}" if start and end else tags.get(PARTITION_TAG, "")
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:PARTITION_CHARACTERS].strip("._-")


def _memory(text: str, here: Settings) -> int:
    size, most = bytes_in(text), here.most_run_memory_bytes()
    if size is None:
        raise RunTagError(f"{_said(MEMORY_TAG, text)} is not a size: write e.g. 512m or 3g.")
    if not LEAST_MEMORY <= size <= most:
        raise RunTagError(
            f"{_said(MEMORY_TAG, text)} is not between {LEAST_MEMORY // 2**20}m and "
            f"{most // 2**20}m. ASSAY_RUN_MEMORY_MOST in .env is the most that a tag may ask for."
        )
    return size


def _cpus(text: str, here: Settings) -> float:
    try:
        cpus = float(text)
    except ValueError:
        cpus = 0.0
    if not (isfinite(cpus) and LEAST_CPUS <= cpus <= here.run_cpus_most):
        raise RunTagError(
            f"{_said(CPUS_TAG, text)} is not a number between {LEAST_CPUS:g} and "
            f"{here.run_cpus_most:g}. ASSAY_RUN_CPUS_MOST in .env is the most that a tag may ask "
            "for."
        )
    return cpus


def _timeout(text: str, here: Settings) -> int:
    seconds, most = seconds_in(text), here.most_run_seconds()
    if seconds is None:
        raise RunTagError(f"{_said(TIMEOUT_TAG, text)} is no time: write e.g. 90s, 30m or 2h.")
    if seconds > most:
        raise RunTagError(
            f"{_said(TIMEOUT_TAG, text)} is more than ASSAY_RUN_TIMEOUT_MOST in .env allows "
            f"({here.run_timeout_most})."
        )
    return seconds


def _check_runtime(tag: str, text: str | None, here: Settings) -> None:
    """Dagster takes what is no number, 0 and nan for no limit at all."""
    if text is None:
        return
    most = here.most_run_seconds()
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= most:
        raise RunTagError(
            f"{_said(tag, text)} is not a number of seconds between 0 and {most}. "
            f"ASSAY_RUN_TIMEOUT_MOST in .env ({here.run_timeout_most}) is the most that a tag may "
            "ask for."
        )


def _outside(text: str, job_name: str, here: Settings) -> bool:
    if text != OUTSIDE:
        raise RunTagError(
            f"{_said(NETWORK_TAG, text)} is no network: write `{OUTSIDE}`, or no tag for a run "
            "that reaches Postgres alone."
        )
    if job_name not in here.outside_jobs:
        raise RunTagError(
            f"{_said(NETWORK_TAG, text)} is only for the jobs that ASSAY_OUTSIDE_JOBS in .env "
            f"names, and {job_name} is not among them."
        )
    return True


def _said(tag: str, text: str) -> str:
    return f"The run's tag {tag}={text[:40]!r}"
