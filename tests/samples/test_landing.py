"""The samples arrive once, whole, and are the same for the same seed and date."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from samples import transactions
from samples.landing import MARK, put_samples

ROOT = Path(__file__).parents[2]
UNTIL = date(2025, 3, 31)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def few_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """What matters here doesn't depend on how many days there are."""
    monkeypatch.setattr(transactions, "DAYS", 3)


@pytest.fixture
def landing(tmp_path: Path, few_days: None) -> Path:
    put_samples(tmp_path / "first", UNTIL, seed=1)
    return tmp_path / "first"


@pytest.fixture
def second(tmp_path: Path, few_days: None) -> Path:
    (tmp_path / "second").mkdir()
    return tmp_path / "second"


def test_one_cohort_and_two_sources_up_to_the_last_day_arrive(landing: Path) -> None:
    assert set(digests(landing)) - {MARK} == {
        "genomics/demo_cohort.vcf.gz",
        "finance/cards/cards-2025-03-29.csv",
        "finance/cards/cards-2025-03-30.csv",
        "finance/cards/cards-2025-03-31.csv",
        "finance/payments/payments-2025-03-29.csv",
        "finance/payments/payments-2025-03-30.csv",
        "finance/payments/payments-2025-03-31.csv",
    }


def test_the_same_seed_and_date_give_the_same_files(landing: Path, second: Path) -> None:
    put_samples(second, UNTIL, seed=1)

    assert digests(second) == digests(landing)


def test_a_later_call_adds_nothing_even_on_another_day(landing: Path) -> None:
    (landing / "finance/cards/cards-2025-03-30.csv").unlink()
    before = digests(landing)

    assert put_samples(landing, date(2025, 4, 1), seed=2) == 0
    assert digests(landing) == before


def test_an_interrupted_call_is_completed_as_it_began(landing: Path, second: Path) -> None:
    (second / MARK).write_text('{"until": "2025-03-31", "seed": 1, "done": false}')
    mine = second / "finance/cards/cards-2025-03-31.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("a user's own file of that name")

    assert put_samples(second, date(2025, 4, 2), seed=9) == 6

    found, whole = digests(second), digests(landing)
    assert mine.read_text() == "a user's own file of that name"
    assert {**found, str(mine.relative_to(second)): ""} == {
        **whole,
        str(mine.relative_to(second)): "",
    }


def test_all_files_carry_one_time_so_that_they_settle_together(landing: Path) -> None:
    times = {path.stat().st_mtime_ns for path in landing.glob("*/**/*.*") if path.is_file()}

    assert len(times) == 1


def test_the_command_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", "import runpy, sys; sys.path.insert(0, '.'); "
               "runpy.run_module('samples', run_name='__main__')",
               "--out", str(tmp_path), "--until", "2025-03-31"]  # fmt: skip

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ})

    assert (done.returncode, done.stdout) == (0, "samples: 241 files added\n"), done.stderr


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "samples", "--out", str(tmp_path / "file" / "landing")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith("samples: ")
    assert len(done.stderr.splitlines()) == 1
