"""Which files are complete, and when their fingerprint changes."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from user_code.shared.landing import KnownFile
from user_code.shared.landing_listing import list_landing

LATER = 1000.0


def listed(landing: Path, domain: str = "finance", **options: object) -> list[str]:
    found = list_landing(landing, domain, 10, time.time() + LATER, **options)  # type: ignore[arg-type]
    return [file.path for file in found.files]


def fingerprint(landing: Path) -> str:
    (file,) = list_landing(landing, "finance", 10, time.time() + LATER).files
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
    assert list_landing(tmp_path, "finance", 10, time.time()).files == []
    assert list_landing(tmp_path, "finance", 10, time.time() + 9).files == []
    assert len(list_landing(tmp_path, "finance", 10, time.time() + 11).files) == 1


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
    (file,) = list_landing(tmp_path, "finance", 10, time.time() + LATER).files
    known = {file.path: KnownFile("as remembered", "2025-01-01", 1, stamp=file.stamp)}
    (again,) = list_landing(tmp_path, "finance", 10, time.time() + LATER, known=known).files
    assert again.fingerprint == "as remembered"


def test_a_tick_stops_reading_when_its_time_is_up(tmp_path: Path, shop: Path) -> None:
    (shop / "a.csv").write_text("x")
    found = list_landing(tmp_path, "finance", 10, time.time() + LATER, budget_seconds=-1)
    assert (found.files, found.whole) == ([], False)


def forbid(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Opening or listing what has one of these names is not permitted; root could do it."""
    for module, function in ((os, "scandir"), (Path, "open")):
        permitted = getattr(module, function)

        def ask(path: object, *args: Any, permitted: Any = permitted, **more: Any) -> Any:
            if Path(str(path)).name in names:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return permitted(path, *args, **more)

        monkeypatch.setattr(module, function, ask)


def test_what_may_not_be_read_is_named_and_keeps_nothing_else_back(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "private.csv", "z.csv"):
        (shop / name).write_text("x")
    (shop / "circle.csv").symlink_to("circle.csv")
    (tmp_path / "finance/closed").mkdir()
    (tmp_path / "finance/closed/b.csv").write_text("x")
    forbid(monkeypatch, "private.csv", "closed")
    found = list_landing(tmp_path, "finance", 10, time.time() + LATER)
    assert [file.path for file in found.files] == ["finance/shop/a.csv", "finance/shop/z.csv"]
    assert found.unreadable == [
        "finance/closed",
        "finance/shop/circle.csv",
        "finance/shop/private.csv",
    ]
    # It may be on its way: its sender sets the mode at the end.
    assert list_landing(tmp_path, "finance", 10, time.time()).unreadable == []


def test_a_folder_with_an_unreadable_part_does_not_count_as_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / "genomics/cohort/part"
    part.mkdir(parents=True)
    (part / "chr1.vcf").write_text("x")
    (tmp_path / "genomics/cohort/_COMPLETE").touch()
    assert listed(tmp_path, "genomics", closed_folders=True) == ["genomics/cohort"]
    forbid(monkeypatch, "part")
    found = list_landing(tmp_path, "genomics", 10, time.time() + LATER, closed_folders=True)
    assert (found.files, found.unreadable) == ([], ["genomics/cohort"])
