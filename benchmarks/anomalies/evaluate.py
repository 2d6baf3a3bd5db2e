"""Recall of planted faults and false alarms per year, one step ahead.

The faulty days are marked as incidents: they are judged by a history without faults, as if each
were the first. A day on which the detector speaks in the feed as it came counts as a false alarm,
though some of them are true; found is a faulty day on which it speaks, whether or not it would
have spoken without the fault.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from benchmarks.anomalies.faults import Change, plant, spaced

Detector = Callable[[pl.DataFrame, date, pl.DataFrame], pl.DataFrame]
"""Line items, the first day to judge, incidents → rows with date, source, kind."""


@dataclass(frozen=True)
class Score:
    """What was measured of one detector on one feed."""

    recall: dict[str, float]
    false_alarms: dict[str, float]
    """Per source and year, by kind."""
    milliseconds: float
    """CPU, per day and series (line of a source)."""


def evaluate(
    detector: Detector,
    table: pl.DataFrame,
    faults: Mapping[str, Change],
    begin: date,
    end: date,
    *,
    every: int = 40,
    rounds: int = 1,
) -> Score:
    """Judges the days from `begin` until before `end`; history before it is there, too.

    `rounds` × 1/`every` of the days get each fault.
    """
    table = table.filter(pl.col("date") < end)
    started = time.process_time()
    quiet = detector(table, begin, _no_incidents())
    used = time.process_time() - started
    judged = table.filter(pl.col("date") >= begin)
    years = (end - begin).days / 365.25 * judged["source"].n_unique()
    alarms = {kind: count / years for kind, count in quiet.group_by("kind").len().iter_rows()}
    days = sorted(judged["date"].unique())
    recall = {}
    for name, change in faults.items():
        found = total = 0
        for number in range(rounds):
            chosen = spaced(days, every, number * every // rounds)
            planted = judged.filter(pl.col("date").is_in(chosen)).select("date", "source").unique()
            faulty = plant(table, chosen, change, seed=number)
            findings = detector(faulty, begin, planted)
            found += planted.join(findings, on=["date", "source"], how="semi").height
            total += planted.height
        recall[name] = found / total
    series_days = table.select("source", "line").unique().height * table["date"].n_unique()
    return Score(recall, alarms, 1000 * used / series_days)


def _no_incidents() -> pl.DataFrame:
    return pl.DataFrame(schema={"date": pl.Date, "source": pl.String})
