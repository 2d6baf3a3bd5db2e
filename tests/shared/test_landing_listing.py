"""Which files are complete, and when their fingerprint changes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from user_code.shared.landing import KnownFile
from user_code.shared.landing_listing import list_landing

LATER = 1000.0


def listed(landing: Path, domain: str = "finance", **options: object) -> list[str]:
    found = list_landing(landing, domain, 10, time.time() + LATER, **options)  # type: ignore[arg-type]
    return [file.path for file in found]


def fingerprint(landing: Path) -> str:
    (file,) = list_landing(landing, "finance", 10, time.time() + LATER)
    return file.fingerprint


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "finance/shop"
    folder.mkdir(parents=True)
    return folder


def test_no_folder_is_no_error(tmp_path: Path) -> None:
    assert listed(tmp_path) == []


def test_what_was_touched_just_now_is_not_complete(tmp_path: Path, shop: Path) -> None:
    file = shop / "a.csv"
    file.write_text("x")
    os.utime(file, (0, 0))  # a copy that keeps the old time is still being written
    assert list_landing(tmp_path, "finance", 10, time.time()) == []
    assert list_landing(tmp_path, "finance", 10, time.time() + 9) == []
    assert len(list_landing(tmp_path, "finance", 10, time.time() + 11)) == 1


def test_unfinished_names_and_dead_links_are_ignored(tmp_path: Path, shop: Path) -> None:
    for name in (".hidden.csv", "a.csv.part", "a.csv.tmp", "a.csv"):
        (shop / name).write_text("x")
    (shop / "dead.csv").symlink_to("nowhere")
    (tmp_path / "finance/.trash").mkdir()
    (tmp_path / "finance/.trash/b.csv").write_text("x")
    assert listed(tmp_path) == ["finance/shop/a.csv"]


def test_a_folder_counts_once_it_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "genomics/cohort"
    folder.mkdir(parents=True)
    (folder / "chr1.vcf").write_text("x")
    assert listed(tmp_path, "genomics", closed_folders=True) == []
    (folder / "_COMPLETE").touch()
    assert listed(tmp_path, "genomics", closed_folders=True) == ["genomics/cohort"]


def test_any_change_of_size_time_or_content_changes_the_fingerprint(
    tmp_path: Path, shop: Path
) -> None:
    file = shop / "a.csv"
    old = tmp_path / "old.csv"
    old.write_text("one")
    os.utime(old, (1, 1))
    shutil.copy2(old, file)
    first = fingerprint(tmp_path)
    file.write_text("two")
    os.utime(file, (1, 1))  # same size, same time
    second = fingerprint(tmp_path)
    os.utime(file, (2, 2))
    third = fingerprint(tmp_path)
    file.write_text("longer")
    os.utime(file, (2, 2))
    fourth = fingerprint(tmp_path)
    assert len({first, second, third, fourth}) == 4
    shutil.copy2(old, file)
    assert fingerprint(tmp_path) == first


def test_an_untouched_file_is_not_read_again(tmp_path: Path, shop: Path) -> None:
    (shop / "a.csv").write_text("x")
    (file,) = list_landing(tmp_path, "finance", 10, time.time() + LATER)
    known = {file.path: KnownFile("as remembered", "2025-01-01", 1, stamp=file.stamp)}
    (again,) = list_landing(tmp_path, "finance", 10, time.time() + LATER, known=known)
    assert again.fingerprint == "as remembered"


def test_a_tick_stops_reading_when_its_time_is_up(tmp_path: Path, shop: Path) -> None:
    (shop / "a.csv").write_text("x")
    assert list_landing(tmp_path, "finance", 10, time.time() + LATER, budget_seconds=-1) == []
