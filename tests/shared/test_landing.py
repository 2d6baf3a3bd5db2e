"""What arrived, what is known, which runs follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from user_code.shared.landing import (
    LONGEST_RANGE_DAYS,
    Decision,
    KnownFile,
    LandedFile,
    decide,
)

TODAY = date(2025, 6, 30)
FIRST = date(2025, 1, 1)


def day_of(path: str) -> str | None:
    found = re.fullmatch(r"finance/\w+/\w+-(\d{4}-\d\d-\d\d)(\.v\d+)?\.csv", path)
    return found[1] if found else None


def landed(path: str, content: str = "a") -> LandedFile:
    return LandedFile(path, len(content), 1, f"fingerprint of {content}", stamp=content)


def ask(files: list[LandedFile], known: Mapping[str, KnownFile], **options: object) -> Decision:
    return decide(
        files,
        known,
        to_partition=day_of,
        daily=True,
        today=TODAY,
        **options,  # type: ignore[arg-type]
    )


def feed(*days: int, content: str = "a") -> list[LandedFile]:
    return [landed(f"finance/shop/s-{FIRST + timedelta(day)}.csv", content) for day in days]


files = st.lists(
    st.tuples(st.sampled_from(["shop", "till"]), st.integers(0, 60), st.sampled_from("abc")),
    unique_by=lambda one: one[:2],
    max_size=20,
).map(lambda many: [landed(f"finance/{s}/{s}-{FIRST + timedelta(d)}.csv", c) for s, d, c in many])


@given(files)
def test_what_is_unchanged_asks_for_nothing(arrived: list[LandedFile]) -> None:
    first = ask(arrived, {})
    again = ask(arrived, first.remember)
    assert again.runs == ()
    assert again.remember == {}


@given(files, st.data())
def test_any_change_asks_for_that_day_with_a_new_key(
    arrived: list[LandedFile], data: st.DataObject
) -> None:
    if not arrived:
        return
    known = dict(ask(arrived, {}).remember)
    keys = {run.run_key for run in ask(arrived, {}).runs}
    chosen = data.draw(st.integers(0, len(arrived) - 1))
    # There and back again: the third content is the first one, with its old size and time.
    for content in ("x", "y", arrived[chosen].fingerprint.removeprefix("fingerprint of "), "x"):
        arrived[chosen] = landed(arrived[chosen].path, content)
        decision = ask(arrived, known)
        assert [run.partitions for run in decision.runs] == [(day_of(arrived[chosen].path),)]
        assert decision.runs[0].run_key not in keys
        keys.add(decision.runs[0].run_key)
        known |= decision.remember


@given(files)
def test_each_day_is_asked_for_once_in_ranges_without_gaps(arrived: list[LandedFile]) -> None:
    runs = ask(arrived, {}).runs
    asked = [day for run in runs for day in run.partitions]
    assert sorted(asked) == sorted({str(day_of(file.path)) for file in arrived})
    for run in runs:
        days = [date.fromisoformat(day) for day in run.partitions]
        assert days == [days[0] + timedelta(number) for number in range(len(days))]
    for before, after in pairwise(runs):
        gap = date.fromisoformat(after.partitions[0]) - date.fromisoformat(before.partitions[-1])
        assert gap > timedelta(days=1)


@given(files, st.integers(1, 3))
def test_requests_beyond_the_limit_come_later_and_none_is_lost(
    arrived: list[LandedFile], most: int
) -> None:
    known: dict[str, KnownFile] = {}
    asked: list[str] = []
    for _ in range(len(arrived) + 1):
        decision = ask(arrived, known, most_requests=most)
        assert len(decision.runs) <= most
        asked += [day for run in decision.runs for day in run.partitions]
        known |= decision.remember
    assert sorted(asked) == sorted({str(day_of(file.path)) for file in arrived})


@given(files)
def test_requests_that_dagster_may_not_have_taken_are_repeated_with_the_same_keys(
    arrived: list[LandedFile],
) -> None:
    first = ask(arrived, {})
    unsure = {path: replace(file, asked=False) for path, file in first.remember.items()}
    assert ask(arrived, unsure).runs == first.runs


@given(files)
def test_keys_are_new_even_when_all_that_was_known_is_lost(arrived: list[LandedFile]) -> None:
    before = {run.run_key for run in ask(arrived, {}, tick=5).runs}
    after = {run.run_key for run in ask(arrived, {}, tick=6).runs}
    assert not before & after


def test_days_that_follow_each_other_are_one_run_with_range_tags() -> None:
    one, two = ask(feed(3, 1, 2, 7), {}).runs
    assert one.range_tags() == {
        "dagster/asset_partition_range_start": "2025-01-02",
        "dagster/asset_partition_range_end": "2025-01-04",
    }
    assert two.partitions == ("2025-01-08",)
    assert two.range_tags() == {}


def test_a_long_history_is_cut_into_years() -> None:
    start = date(2020, 1, 1)
    many = [landed(f"finance/shop/s-{start + timedelta(day)}.csv") for day in range(800)]
    lengths = [len(run.partitions) for run in ask(many, {}).runs]
    assert lengths == [LONGEST_RANGE_DAYS, LONGEST_RANGE_DAYS, 800 - 2 * LONGEST_RANGE_DAYS]


def test_two_sources_of_a_day_are_one_run() -> None:
    both = [landed("finance/shop/s-2025-01-01.csv"), landed("finance/till/t-2025-01-01.v2.csv")]
    assert [run.partitions for run in ask(both, {}).runs] == [("2025-01-01",)]


def test_a_name_that_fits_no_pattern_is_told_once() -> None:
    odd = [landed("finance/shop/notes.csv"), landed("finance/shop/s-2025-02-31.csv")]
    decision = ask(odd, {})
    assert decision.runs == ()
    assert decision.news
    assert decision.unrecognised == tuple(sorted(file.path for file in odd))
    again = ask(odd, decision.remember)
    assert not again.news
    assert len(again.unrecognised) == 2


def test_a_file_that_becomes_recognised_is_computed() -> None:
    file = landed("finance/shop/s-2025-01-01.csv")
    known = {file.path: KnownFile(file.fingerprint, "", 1, stamp=file.stamp)}
    assert len(ask([file], known).runs) == 1


@pytest.mark.parametrize("key", ["../x", "/etc/x", "x" * 300])
def test_a_key_that_is_no_safe_file_name_is_unrecognised(key: str) -> None:
    decision = decide(
        [landed("genomics/x.vcf")], {}, to_partition=lambda _: key, daily=False, today=TODAY
    )
    assert decision.unrecognised == ("genomics/x.vcf",)


def test_tomorrow_waits_and_the_far_future_is_told() -> None:
    tomorrow = landed(f"finance/shop/s-{TODAY + timedelta(1)}.csv")
    assert ask([tomorrow], {}) == Decision((), {}, (), False)
    assert ask([landed(f"finance/shop/s-{TODAY + timedelta(2)}.csv")], {}).news
    assert ask([landed("finance/shop/s-1999-12-31.csv")], {}).news


def test_a_touched_file_with_the_same_content_is_only_noted() -> None:
    known = dict(ask(feed(1), {}).remember)
    touched = [replace(file, stamp="other") for file in feed(1)]
    decision = ask(touched, known)
    assert decision.runs == ()
    assert list(decision.remember) == [touched[0].path]
