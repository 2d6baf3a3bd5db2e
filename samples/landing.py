"""Putting the samples into a landing zone: once, whole, and never over a user's files."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from samples import bgzf, cohort, transactions

# Dotfiles: the landing sensors don't look at them.
MARK = ".samples.json"
WORK_FOLDER = ".samples.tmp"

COHORT_PATH = "genomics/demo_cohort.vcf.gz"


@dataclass(frozen=True)
class Mark:
    """What is kept in the landing zone about the samples: which they are, whether all are there."""

    until: str
    seed: int
    done: bool


def put_samples(landing: Path, until: date, seed: int) -> int:
    """Write the samples below ``landing`` and return how many files were added.

    0 if an earlier call has finished, whatever its date: samples that a user has deleted don't
    come back, and tomorrow's start adds no new day. A call that was interrupted is completed, with
    the date and seed that it began with. Raises `OSError` where the folder cannot be written.
    """
    landing.mkdir(parents=True, exist_ok=True)
    mark = _read_mark(landing) or Mark(until.isoformat(), seed, done=False)
    if mark.done:
        return 0
    _write_mark(landing, mark)
    work = landing / WORK_FOLDER
    shutil.rmtree(work, ignore_errors=True)
    paths = _write_all(work, mark)
    # One time for all: the landing sensors then see them settle in the same tick, as one batch.
    now = time.time_ns()
    for path in paths:
        os.utime(work / path, ns=(now, now))
    added = sum(_move(work / path, landing / path) for path in paths)
    shutil.rmtree(work)
    _write_mark(landing, Mark(mark.until, mark.seed, done=True))
    return added


def _write_all(work: Path, mark: Mark) -> list[str]:
    contents = {COHORT_PATH: bgzf.compress(cohort.vcf_text(mark.seed).encode())}
    for file in transactions.day_files(date.fromisoformat(mark.until), mark.seed):
        contents[file.path] = file.text.encode()
    for path, content in contents.items():
        target = work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return list(contents)


def _move(source: Path, target: Path) -> bool:
    """Rename into place; a file that is there already (a user's, or an earlier try's) stays."""
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    return True


def _read_mark(landing: Path) -> Mark | None:
    try:
        return Mark(**json.loads((landing / MARK).read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{landing / MARK} cannot be read ({error}); delete it to get the samples again"
        ) from error


def _write_mark(landing: Path, mark: Mark) -> None:
    temporary = landing / f"{MARK}.tmp"
    temporary.write_text(json.dumps(asdict(mark)) + "\n")
    temporary.replace(landing / MARK)
