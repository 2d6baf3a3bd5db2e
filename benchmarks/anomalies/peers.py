"""Other ways to tell an unusual total, each as a detector of the benchmark.

Rules and forecasts judge the totals of a source, as such tools do. A forecast's errors get the
limits that ours get: a tail that the past's errors pass a few times a year. Forecasts are made
once, of the feed without faults, so that no fault spoils them.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.anomalies.evaluate import Detector
from user_code.finance.domain.line_limits import tail_limit

PACKAGES = ("statsforecast==2.1.1", "statsmodels==0.15.0", "prophet==1.5.0")
TOOLS = {
    "stl": "STL (statsmodels)",
    "mstl": "MSTL (statsforecast)",
    "autoets": "AutoETS (statsforecast)",
    "prophet": "Prophet",
}
_BUSINESS_DAYS = 252
_LEAST, _MEMORY = 100, 1000

Values = np.typing.NDArray[np.float64]
Judge = Callable[[str, list[date], Values], np.typing.NDArray[np.bool_]]
"""Source, its days and totals → which days are flagged."""


def environment(folder: Path) -> Path:
    """A virtual environment with the tools; its Python. Made once, kept in `folder`."""
    python = folder / "bin/python"
    made = folder / "made"
    if not made.exists() or made.read_text() != "\n".join(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
        made.write_text("\n".join(PACKAGES))
    return python


def by_total(judge: Judge) -> Detector:
    """A detector of the totals of each source and day."""

    def detect(table: pl.DataFrame, begin: date, _: pl.DataFrame) -> pl.DataFrame:
        found = []
        for (source,), rows in totals(table).group_by("source", maintain_order=True):
            days = rows["date"].to_list()
            flagged = judge(str(source), days, rows["amount"].to_numpy())
            found += [
                (day, source, "total")
                for day, flag in zip(days, flagged, strict=True)
                if flag and day >= begin
            ]
        schema = {"date": pl.Date, "source": pl.String, "kind": pl.String}
        return pl.DataFrame(found, schema=schema, orient="row")

    return detect


def totals(table: pl.DataFrame) -> pl.DataFrame:
    """Line items → the amount of each source and day."""
    return table.group_by("source", "date").agg(pl.col("amount").sum()).sort("source", "date")


def three_sigma(clean: pl.DataFrame) -> Judge:
    """More than three standard deviations from the mean of the thirty days before."""
    known = _known(clean)

    def judge(source: str, days: list[date], values: Values) -> np.typing.NDArray[np.bool_]:
        past_days, past = known[source]
        flagged = np.zeros(len(days), dtype=bool)
        for at, day in enumerate(days):
            end = int(np.searchsorted(past_days, np.datetime64(day)))
            before = past[max(0, end - 30) : end]
            if len(before) == 30:
                flagged[at] = abs(values[at] - before.mean()) > 3 * before.std(ddof=1)
        return flagged

    return judge


def weekday_median(clean: pl.DataFrame, budget: float) -> Judge:
    """The median of the last ten of the same weekday."""
    expected = {}
    for source, (days, values) in _known(clean).items():
        weekday = days.astype(object)
        made = np.full(len(days), np.nan)
        for at, day in enumerate(weekday):
            same = [n for n in range(max(0, at - 60), at) if weekday[n].weekday() == day.weekday()]
            if len(same) >= 4:
                made[at] = np.median(values[same[-10:]])
        expected[source] = dict(zip(weekday, made, strict=True))
    return _by_forecast(clean, expected, budget)


def forecast(
    tool: str, clean: pl.DataFrame, python: Path, folder: Path, budget: float
) -> tuple[Judge, float]:
    """The tool's forecasts as a judge, and the CPU milliseconds that a series' day took."""
    source, target = folder / "totals.csv", folder / f"{tool}.csv"
    rows = clean.filter(pl.col("amount") > 0)
    rows.select(
        "date", pl.col("source").alias("series"), pl.col("amount").alias("value")
    ).write_csv(source)
    script = Path(__file__).with_name("forecasts.py")
    process = subprocess.Popen([str(python), str(script), tool, str(source), str(target)])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{tool} failed, see above")
    expected: dict[str, dict[date, float]] = {}
    for name, day, value in pl.read_csv(target, try_parse_dates=True).iter_rows():
        expected.setdefault(name, {})[day] = value
    cost = 1000 * (used.ru_utime + used.ru_stime) / rows.height
    return _by_forecast(clean, expected, budget), cost


def _by_forecast(
    clean: pl.DataFrame, expected: dict[str, dict[date, float]], budget: float
) -> Judge:
    """Flags errors (logarithms) beyond what the past's pass `budget` times a year."""
    known = _known(clean)

    def judge(source: str, days: list[date], values: Values) -> np.typing.NDArray[np.bool_]:
        past_days, past = known[source]
        errors = _errors(list(past_days.astype(object)), past, expected[source])
        flagged = np.zeros(len(days), dtype=bool)
        for at, error in enumerate(_errors(days, values, expected[source])):
            end = int(np.searchsorted(past_days, np.datetime64(days[at])))
            before = errors[max(0, end - _MEMORY) : end]
            before = before[np.isfinite(before)]
            if len(before) >= _LEAST and not np.isnan(error):
                share = budget / 2 / _BUSINESS_DAYS
                high, low = tail_limit(before, share), -tail_limit(-before, share)
                flagged[at] = not low <= error <= high
        return flagged

    return judge


def _errors(days: list[date], values: Values, expected: dict[date, float]) -> Values:
    should = np.array([expected.get(day, np.nan) for day in days])
    with np.errstate(divide="ignore", invalid="ignore"):
        # Nothing at all is as far from what was expected as can be.
        return np.where(values > 0, np.log(values / should), np.where(np.isnan(should), np.nan, -9))


def _known(clean: pl.DataFrame) -> dict[str, tuple[np.typing.NDArray[np.datetime64], Values]]:
    return {
        str(source): (rows["date"].to_numpy(), rows["amount"].to_numpy())
        for (source,), rows in clean.group_by("source", maintain_order=True)
    }
