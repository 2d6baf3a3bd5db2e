"""Days of a source on which its lines, together or one alone, are far from what was to be expected.

All lines of a day are pooled: half a feed shifts every line by the same factor, which the weighted
median of their residuals shows although each line alone strays further. Missing lines are counted.
One line ten times too large is a question of likelihood: does ten times less look like that line?
A source of few lines is judged by its total. All limits come from earlier days.
"""

import math
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from user_code.finance.domain.contracts import LINE_FINDINGS
from user_code.finance.domain.line_expectations import Expectations, Floats
from user_code.finance.domain.line_limits import TenfoldTest, tail_limit
from user_code.finance.domain.line_reasons import driving_lines, kind_of_factor, say
from user_code.finance.domain.line_series import LEAST_POOLED, LineSeries, arrange

# Half and double are 0.69; real days of a good feed hardly pass 0.35.
_LEAST_SHIFT, _SHIFT_SIGMAS = 0.38, 6.0
_REGULAR, _PRESENCE_DAYS = 0.9, 120
_MOST_PRESENT = 0.7
_LEAST_REGULAR = 6
# Alarms in a year that a limit from the past allows for: a source's total, its single lines.
_TOTAL_BUDGET, _LINE_BUDGET = 0.9, 2.75
_MEMORY = 1000
_LEAST_SHIFTS = 20
_MAD_TO_SIGMA = 1.4826
_LEAST_SCORES, _LEAST_LIKELIHOODS = 100, 60
_LEAST_GROSS, _GROSS_SIGMAS, _GROSS = 20, 3.5, 1.4


def find_unusual_lines(
    table: pl.DataFrame,
    begin: date | None = None,
    incidents: pl.DataFrame | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """LINE_ITEMS → LINE_FINDINGS from `begin` on, one row per flagged day and source.

    `incidents` (date, source) are judged but teach nothing. What is said of a day depends on that
    day and earlier ones alone, but for absence: a day is missing once any source has a later one.
    `progress` is told how many sources are done, and of how many.
    """
    if table.is_empty():
        return LINE_FINDINGS.empty()
    newest: date = table.get_column("date").max()  # type: ignore[assignment]
    known: set[tuple[date, str]] = set()
    if incidents is not None:
        known = set(incidents.select("date", "source").iter_rows())
    found: list[dict[str, object]] = []
    by_source = table.sort("source", "line", "date").partition_by("source", maintain_order=True)
    for done, mine in enumerate(by_source):
        source = mine.item(0, "source")
        marked = frozenset(day for day, name in known if name == source)
        series = arrange(mine, marked, newest)
        for finding in LineJudge(series, series.expect()).findings():
            if begin is None or finding["date"] >= begin:  # type: ignore[operator]
                found.append({"source": source, **finding})
        if progress:
            progress(done + 1, len(by_source))
    return pl.DataFrame(found, schema=LINE_FINDINGS.columns, orient="row").sort(LINE_FINDINGS.key)


class LineJudge:
    """Judges the days of one source by what was expected of them."""

    def __init__(self, series: LineSeries, model: Expectations) -> None:
        self._series = series
        self._model = model
        self._amounts = series.amounts
        self._learn = series.learn
        self._totals: Floats = np.nansum(series.amounts, axis=1)
        self._present = ~np.isnan(series.amounts) & (series.amounts != 0)
        # What is compared with earlier days: the factor common to all lines, or the total's error.
        self._strayed: Floats
        if series.is_pooled:
            pairs = zip(model.residual, model.usual, strict=True)
            self._strayed = np.array([_shift(*each) for each in pairs])
        else:
            self._strayed = (model.residual / model.scale)[:, 0]

    def findings(self) -> list[dict[str, object]]:
        """LINE_FINDINGS but for the source: absent days first, then those that came."""
        absent = [self._outage(day) for day in self._series.absent]
        return absent + (self._by_lines() if self._series.is_pooled else self._by_total())

    def tells(self, at: int, factor: float) -> bool | None:
        """Whether the day would be flagged with all amounts `factor` times; None: too early.

        Exact, as a faulty day that is marked changes no other and no limit.
        """
        limits = self._shift_limit(at) if self._series.is_pooled else self._total_limits(at)
        if limits is None or np.isnan(self._strayed[at]):
            return None
        by = math.log(factor)
        if not self._series.is_pooled:
            by /= float(self._model.scale[at, 0])
        return not limits[0] <= self._strayed[at] + by <= limits[1]

    def _outage(self, day: date) -> dict[str, object]:
        before = [n for n, each in enumerate(self._series.days) if each < day][-20:]
        return {
            "date": day,
            "kind": "outage",
            "score": None,
            "expected": float(np.median(self._totals[before])),
            "observed": 0.0,
            "lines": "",
            "reason": "nothing came on a day on which the source comes: an outage",
        }

    def _by_total(self) -> list[dict[str, object]]:
        """One series: the day's error against how far it strayed on such days before."""
        found = []
        for at in range(len(self._series.days)):
            if not self._amounts[at, 0] > 0:
                past = self._past(self._amounts[:, 0], at, 250)
                if len(past) >= _LEAST_SCORES and (past > 0).mean() >= 0.99:
                    found.append(self._finding(at, "outage", None))
                continue
            score, limits = float(self._strayed[at]), self._total_limits(at)
            if limits and not math.isnan(score) and not limits[0] <= score <= limits[1]:
                kind = kind_of_factor(self._model.residual[at, 0]) or "line"
                found.append(self._finding(at, kind, score))
        return found

    def _total_limits(self, at: int) -> tuple[float, float] | None:
        past = self._known(self._strayed, at)
        if len(past) < _LEAST_GROSS:
            return None
        if len(past) >= _LEAST_SCORES:
            share = _TOTAL_BUDGET / 2 / self._days_a_year(at)
            return -tail_limit(-past, share), tail_limit(past, share)
        # Too early to know the tail: only what is as gross as another unit.
        high = max(_GROSS_SIGMAS, _GROSS / float(self._model.scale[at, 0]))
        return -high, high

    def _by_lines(self) -> list[dict[str, object]]:
        tenfold = TenfoldTest(self._model, self._amounts, self._learn)
        likely = np.full(len(self._series.days), np.nan)
        found = []
        for at in range(len(self._series.days)):
            likely[at], line = tenfold.judge(at)
            kind, score = self._missing(at)
            if kind is None:
                kind, score = self._shifted(at)
            if kind is not None:
                shift = float(self._strayed[at])
                found.append(self._finding(at, kind, score, shift=shift))
                continue
            past = self._known(likely, at)
            if np.isnan(likely[at]) or len(past) < _LEAST_LIKELIHOODS:
                continue
            share = _LINE_BUDGET / self._days_a_year(at)
            if likely[at] > max(tail_limit(past, share, 0.9, 0.97), 0):
                score = float(likely[at]) / math.log(10)
                found.append(self._finding(at, "line", score, line=line))
        return found

    def _missing(self, at: int) -> tuple[str | None, float | None]:
        """Whether too few of the lines that always come have come with something."""
        past = self._past(self._present, at, _PRESENCE_DAYS)
        if len(past) < _LEAST_REGULAR * 3:
            return None, None
        rate = past.mean(axis=0)
        regular = rate >= _REGULAR
        if regular.sum() < _LEAST_REGULAR:
            return None, None
        parts = past[:, regular].mean(axis=1)
        here = float(self._present[at][regular].mean())
        spread = _MAD_TO_SIGMA * float(np.median(np.abs(parts - np.median(parts)))) + 0.03
        score = (here - float(np.median(parts))) / spread
        if here >= _MOST_PRESENT or score > -_SHIFT_SIGMAS:
            return None, None
        return ("outage" if here < 0.1 else "mix"), score

    def _shift_limit(self, at: int) -> tuple[float, float] | None:
        past = self._known(self._strayed, at)
        if len(past) < _LEAST_SHIFTS:
            return None
        most = max(_SHIFT_SIGMAS * _shift_spread(past), _LEAST_SHIFT)
        return -most, most

    def _shifted(self, at: int) -> tuple[str | None, float | None]:
        limits, shift = self._shift_limit(at), float(self._strayed[at])
        if limits is None or math.isnan(shift) or limits[0] < shift < limits[1]:
            return None, None
        score = shift / _shift_spread(self._known(self._strayed, at))
        return kind_of_factor(shift) or "mix", score

    def _past(self, values: npt.NDArray[Any], at: int, days: int) -> npt.NDArray[Any]:
        """The values of the days that teach, of the last so many before."""
        lately = slice(max(0, at - days), at)
        taught: npt.NDArray[Any] = values[lately][self._learn[lately]]
        return taught

    def _known(self, scores: Floats, at: int) -> Floats:
        past: Floats = self._past(scores, at, _MEMORY)
        return past[~np.isnan(past)]

    def _days_a_year(self, at: int) -> float:
        return 52.0 * max(len(self._series.kinds[at][0]), 1)

    def _finding(
        self,
        at: int,
        kind: str,
        score: float | None,
        *,
        line: int | None = None,
        shift: float | None = None,
    ) -> dict[str, object]:
        names = self._series.lines
        expected = np.exp(self._model.expected[at])
        observed = np.nan_to_num(self._amounts[at])
        if kind != "outage" and line is None and kind != "mix":
            expected[self._amounts[at] <= 0] = np.nan
        each: Sequence[int] = range(len(names)) if line is None else [line]
        told = [n for n in each if not np.isnan(expected[n])]
        should = float(expected[told].sum())
        was = float(observed[told].sum())
        drivers = driving_lines(names, expected, observed, told)
        return {
            "date": self._series.days[at],
            "kind": kind,
            "score": None if score is None else round(score, 2),
            "expected": should,
            "observed": was,
            "lines": "; ".join(drivers),
            "reason": say(kind, should, was, drivers, shift),
        }


def _shift(residual: Floats, usual: Floats) -> float:
    """The factor (logarithm) common to the lines of a day: their weighted median; NaN if few."""
    known = ~np.isnan(residual) & ~np.isnan(usual)
    if known.sum() < LEAST_POOLED:
        return math.nan
    order = np.argsort(residual[known])
    weight = np.cumsum((1 / (usual[known] ** 2 + 0.01))[order])
    return float(residual[known][order][np.searchsorted(weight, weight[-1] / 2)])


def _shift_spread(past: Floats) -> float:
    return max(_MAD_TO_SIGMA * float(np.median(np.abs(past))), 0.03)
