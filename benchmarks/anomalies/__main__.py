"""`python -m benchmarks.anomalies FEED`: planted faults in the Treasury feed, ours and others."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

# Small equations: threads that wait for each other cost more. Before NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import polars as pl

from benchmarks.anomalies.evaluate import Detector, Score, evaluate
from benchmarks.anomalies.faults import FEED_FAULTS, SERIES_FAULTS, Change
from benchmarks.anomalies.feed import line_items, read_feed, single_series
from benchmarks.anomalies.peers import (
    TOOLS,
    by_total,
    environment,
    forecast,
    three_sigma,
    totals,
    weekday_median,
)
from user_code.finance.domain.line_findings import find_unusual_lines

# Half a year after the first forecasts of others: their limits need errors to learn from.
BEGIN = date(2007, 1, 1)
# What the goals allow, and thus what the forecasts of others get, too.
FEED_ALARMS, SERIES_ALARMS = 2.0, 4.0
_BAD_SHARE = 50


def main() -> int:
    """Print two tables, of the feed and of ten of its series, and the cost of bad history."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__)
    parser.add_argument("feed", type=Path, help="us_treasury_daily_items_….csv.gz")
    parser.add_argument("--every", type=int, default=25, help="each so many days get a fault")
    parser.add_argument("--peers", nargs="*", default=list(TOOLS), choices=list(TOOLS))
    parser.add_argument("--tables", nargs="*", default=["feed", "series"])
    parser.add_argument("--environment", type=Path, default=Path(".tools/anomaly-peers"))
    given = parser.parse_args()
    python = environment(given.environment) if given.peers else Path(sys.executable)
    feed = read_feed(given.feed)
    print(f"load before the start {os.getloadavg()[0]:.1f}", flush=True)
    if "feed" in given.tables:
        scores = measure(
            line_items(feed), FEED_FAULTS, given.every, given.peers, python, FEED_ALARMS
        )
        print(f"\nThe whole feed\n\n{as_table(scores, FEED_FAULTS)}\n", flush=True)
    if "series" in given.tables:
        ten = single_series(feed)
        scores = measure(ten, SERIES_FAULTS, given.every, given.peers, python, SERIES_ALARMS)
        print(f"\nTen series, each alone\n\n{as_table(scores, SERIES_FAULTS)}\n", flush=True)
        print(f"2 % bad days left in the past: {bad_history(ten, given.every)}")
    return 0


def measure(
    table: pl.DataFrame,
    faults: dict[str, Change],
    every: int,
    peers: Sequence[str],
    python: Path,
    alarms: float,
) -> dict[str, Score]:
    """Each detector's score, in turn, on one machine."""
    clean = totals(table)
    scores = {"Assay": _score(find_unusual_lines, table, faults, every)}
    print(f"Assay: {scores['Assay']}", flush=True)
    rules = {
        "3 sigma of 30 days": three_sigma(clean),
        "weekday's median": weekday_median(clean, alarms),
    }
    for name, judge in rules.items():
        scores[name] = _score(by_total(judge), table, faults, every)
        print(f"{name}: {scores[name]}", flush=True)
    for tool in peers:
        with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
            judge, cost = forecast(tool, clean, python, Path(folder), alarms)
        found = _score(by_total(judge), table, faults, every)
        scores[TOOLS[tool]] = Score(found.recall, found.false_alarms, cost)
        print(f"{TOOLS[tool]}: {scores[TOOLS[tool]]}", flush=True)
    return scores


def _score(detector: Detector, table: pl.DataFrame, faults: dict[str, Change], every: int) -> Score:
    end: date = table["date"].max()  # type: ignore[assignment]
    return evaluate(detector, table, faults, BEGIN, end, every=every)


def as_table(scores: dict[str, Score], faults: dict[str, Change]) -> str:
    """Markdown: recall by fault, its mean, false alarms a source and year, cost."""
    head = ["", *faults, "mean", "alarms a year", "of kind line", "ms a series-day"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, score in scores.items():
        recall = [score.recall[fault] for fault in faults]
        alarms = sum(score.false_alarms.values())
        cells = [
            name,
            *(f"{each:.2f}" for each in recall),
            f"{sum(recall) / len(recall):.2f}",
            f"{alarms:.1f}",
            f"{score.false_alarms.get('line', 0.0):.1f}",
            f"{score.milliseconds:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def bad_history(table: pl.DataFrame, every: int) -> str:
    """Mean recall of ours with every fiftieth day of the past halved, doubled or tenfold in turn,
    and unmarked, beside that with a sound past."""
    days = sorted(table["date"].unique())[::_BAD_SHARE]
    factor = {day: (0.5, 2.0, 10.0)[n % 3] for n, day in enumerate(days)}
    spoilt = table.with_columns(
        pl.col("amount") * pl.col("date").replace_strict(factor, default=1.0)
    )
    means = []
    for each in (table, spoilt):
        recall = _score(find_unusual_lines, each, SERIES_FAULTS, every).recall
        means.append(sum(recall.values()) / len(recall))
    return f"mean recall {means[1]:.3f}, with a sound past {means[0]:.3f}"


if __name__ == "__main__":
    sys.exit(main())
