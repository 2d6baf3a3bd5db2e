"""Which dates a day's file has rows of: transactions lie by the file's day, summaries by the row's.

Both lists are in the footer of each file, so that a summary reads only what it needs.
"""

import json
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from user_code.shared.store import ParquetStore

_NOW, _TOUCHED = "assay.finance.dates", "assay.finance.dates_touched"
_LONGEST_WINDOW = timedelta(days=366)


def dates_notes(
    store: ParquetStore, domain: str, asset: str, day: str, rows: pl.DataFrame
) -> Mapping[str, str]:
    """For the footer of a day's file: the dates of its rows, and those of all its versions.

    A row that a correction took away leaves a date whose summary must be made anew.
    """
    now = _texts(rows.get_column("date").unique())
    before = _dates(store, domain, asset, day, _TOUCHED) if store.exists(domain, asset, day) else []
    return {_NOW: json.dumps(now), _TOUCHED: json.dumps(sorted({*now, *before}))}


def touched_dates(
    store: ParquetStore, domain: str, asset: str, days: Collection[str]
) -> list[date]:
    """The dates whose summaries the files of these days may have changed, sorted."""
    found = {
        text
        for day in days
        if store.exists(domain, asset, day)
        for text in _dates(store, domain, asset, day, _TOUCHED)
    }
    return sorted(date.fromisoformat(text) for text in {*found, *days})


def files_with(store: ParquetStore, domain: str, asset: str, dates: Collection[date]) -> list[Path]:
    """The files that have rows of any of these dates."""
    if not dates:
        return []
    wanted = {day.isoformat() for day in dates}
    first, last = min(wanted), (max(dates) + _LONGEST_WINDOW).isoformat()
    return [
        store.path(domain, asset, day)
        for day in store.partitions(domain, asset)
        if first <= day <= last and wanted.intersection(_dates(store, domain, asset, day, _NOW))
    ]


def _dates(store: ParquetStore, domain: str, asset: str, day: str, note: str) -> list[str]:
    text = store.note(domain, asset, day, note)
    if text is not None:
        found: list[str] = json.loads(text)
        return found
    # Written before there were such notes.
    rows = store.scan(domain, asset, [day]).select(pl.col("date").unique()).collect()
    return _texts(rows.to_series())


def _texts(dates: pl.Series) -> list[str]:
    return sorted(day.isoformat() for day in dates)
