"""Faults planted in tables of line items, a spaced set of days at a time."""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import polars as pl

Change = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]
"""Rows of one source and day → the rows of the faulty day."""


def times(factor: float) -> Change:
    """All amounts of the day by the same factor."""
    return lambda day, _: day.with_columns(pl.col("amount") * factor)


def outage(day: pl.DataFrame, _: np.random.Generator) -> pl.DataFrame:
    """Nothing comes."""
    return day.clear()


def half_missing(day: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Every second line, at random, is missing."""
    return day.sample(day.height - day.height // 2, seed=int(random.integers(2**31)))


def one_line_tenfold(day: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Ten times the amount of one line, at random, that isn't zero."""
    lines = day.filter(pl.col("amount") != 0)["line"].to_list()
    chosen = lines[int(random.integers(len(lines)))] if lines else None
    return day.with_columns(
        pl.when(pl.col("line") == chosen).then(pl.col("amount") * 10).otherwise("amount")
    )


FEED_FAULTS: dict[str, Change] = {
    "half": times(0.5),
    "double": times(2),
    "x10": times(10),
    "outage": outage,
    "half the lines": half_missing,
    "one line x10": one_line_tenfold,
}
SERIES_FAULTS: dict[str, Change] = {
    "x0.5": times(0.5),
    "x2": times(2),
    "x10": times(10),
    "x0.1": times(0.1),
    "+25 %": times(1.25),
}


def plant(table: pl.DataFrame, days: Sequence[date], change: Change, seed: int) -> pl.DataFrame:
    """`table` with `change` on each of `days`, in each source that has the day."""
    random = np.random.default_rng(seed)
    wanted = pl.col("date").is_in(list(days))
    faulty = [
        change(rows, random)
        for rows in table.filter(wanted).partition_by("source", "date", maintain_order=True)
    ]
    return pl.concat([table.filter(~wanted), *faulty]).sort("source", "date", "line")


def spaced(days: Sequence[date], every: int, offset: int) -> list[date]:
    """Each `every`-th of `days`."""
    return list(days[offset::every])
