"""A folder that is loaded at once has the duplicates that reading day by day has."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from finance_feeds import HEADER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_code.finance.domain import batch
from user_code.finance.domain.feed_files import current_versions, list_feed_files
from user_code.finance.domain.ingest import SeenIds, read_day

FIRST = date(2025, 1, 6)
FILES = st.dictionaries(
    st.tuples(st.sampled_from(["bank", "till"]), st.integers(0, 3), st.sampled_from(["a", "b"])),
    st.lists(st.sampled_from("pqrstu"), max_size=5),
    min_size=1,
    max_size=6,
)


def land(folder: Path, files: dict[tuple[str, int, str], list[str]]) -> Path:
    for (source, number, name), ids in files.items():
        day = FIRST + timedelta(days=number)
        path = folder / source / f"{name}-{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"{each},{day}T12:00:00Z,acc,cat,{place}.50,EUR" for place, each in enumerate(ids)]
        path.write_text("\n".join([HEADER, *rows, ""]))
    return folder


def day_by_day(landing: Path) -> dict[str, set[tuple[str, int, str]]]:
    """File, line and id of what is accepted, and of what is a duplicate."""
    files, _ = list_feed_files(landing)
    seen, found = SeenIds(), {"financial_transactions": set(), "duplicates": set()}
    for day in sorted({file.date for file in files}):
        read = read_day(day, current_versions(files), {}, seen)
        found["financial_transactions"] |= places(read.accepted)
        found["duplicates"] |= places(read.duplicates)
    return found


def places(rows: pl.DataFrame) -> set[tuple[str, int, str]]:
    return set(rows.select("file", "line", "transaction_id").rows())


@pytest.mark.parametrize("rows_in_one_file", [2, 2_000_000])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(files=FILES)
def test_the_lowest_day_counts_however_many_files_hold_the_table(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    rows_in_one_file: int,
    files: dict[tuple[str, int, str], list[str]],
) -> None:
    monkeypatch.setattr(batch, "_ROWS_IN_ONE_FILE", rows_in_one_file)
    folder = tmp_path_factory.mktemp("load")
    landing = land(folder / "finance", files)
    loaded = batch.load_folder(landing, folder / "out")
    expected = day_by_day(landing)
    for name, count in {
        "financial_transactions": loaded.accepted,
        "duplicates": loaded.duplicates,
    }.items():
        path = folder / "out" / f"{name}.parquet"
        rows = pl.concat(
            pl.read_parquet(each) for each in (sorted(path.iterdir()) if path.is_dir() else [path])
        )
        assert places(rows) == expected[name]
        assert rows.height == count == len(expected[name])
    assert loaded.records == loaded.accepted + loaded.duplicates + loaded.quarantined
    assert not list((folder / "out").glob("**/.*"))
