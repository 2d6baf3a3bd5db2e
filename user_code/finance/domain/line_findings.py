"""Days of a source on which its lines, together or one alone, are far from what was to be expected.

All lines of a day are pooled: half a feed shifts every line by the same factor, which the weighted
median of their residuals shows although each line alone strays further. Missing lines are counted.
One line ten times too large is a question of likelihood: does ten times less look like that line?
A source of few lines is judged by its total. All limits come from earlier days.
"""

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from user_code.finance.domain.business_calendar import BusinessCalendar
from user_code.finance.domain.contracts import LINE_FINDINGS
from user_code.finance.domain.line_expectations import (
    DayKind,
    Expectations,
    Floats,
    expect_lines,
)
from user_code.finance.domain.line_limits import TenfoldTest, tail_limit
from user_code.finance.domain.line_reasons import driving_lines, kind_of_factor, say

_DAY = timedelta(days=1)
_LEAST_POOLED = 8
# Half and double are 0.69; real days of a good feed hardly pass 0.35.
_LEAST_SHIFT, _SHIFT_SIGMAS = 0.38, 6.0
_REGULAR, _PRESENCE_DAYS = 0.9, 120
_MOST_PRESENT = 0.7
_LEAST_REGULAR = 6
# Alarms in a year that a limit from the past allows for: a source's total, its single lines.
_TOTAL_BUDGET, _LINE_BUDGET = 0.9, 2.75
_MEMORY = 1000
_LEAST_SCORES, _LEAST_LIKELIHOODS = 100, 60
_LEAST_GROSS, _GROSS_SIGMAS, _GROSS = 20, 3.5, 1.4
# A source that stays away is told on its first days.
_LONGEST_OUTAGE = 5


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
        for finding in _Source(mine, marked, newest).findings():
            if begin is None or finding["date"] >= begin:  # type: ignore[operator]
                found.append({"source": source, **finding})
        if progress:
            progress(done + 1, len(by_source))
    return pl.DataFrame(found, schema=LINE_FINDINGS.columns, orient="row").sort(LINE_FINDINGS.key)


class _Source:
    """All lines of one source over its days."""

    def __init__(self, rows: pl.DataFrame, marked: frozenset[date], newest: date) -> None:
        wide = rows.pivot("line", index="date", values="amount").sort("date")
        self._days: list[date] = wide.get_column("date").to_list()
        self._lines = [name for name in wide.columns if name != "date"]
        self._amounts: Floats = wide.select(self._lines).to_numpy().astype(np.float64)
        self._totals: Floats = np.nansum(self._amounts, axis=1)
        self._present = self._have_come()
        self._learn = np.array([day not in marked for day in self._days])
        self._absent, self._kinds = self._follow_calendar(marked, newest)

    def findings(self) -> list[dict[str, object]]:
        absent = [self._outage(day) for day in self._absent]
        pooled = len(self._lines) >= _LEAST_POOLED
        if len(self._lines) == 1:
            present = self._by_total(self._amounts)
        elif pooled:
            present = self._by_lines()
        else:
            present = self._by_total(self._totals[:, None])
        return absent + present

    def _follow_calendar(
        self, marked: frozenset[date], newest: date
    ) -> tuple[list[date], list[DayKind]]:
        calendar, came = BusinessCalendar(), set(self._days)
        kinds: list[DayKind] = []
        absent: list[date] = []
        lasting = 0
        day, last = self._days[0], max(self._days[-1], newest - _DAY)
        while day <= last:
            if day in came:
                kinds.append((calendar.regular_weekdays(), calendar.holiday_calendar()))
                lasting = 0
            elif calendar.should_have_come(day):
                lasting += 1
                if lasting <= _LONGEST_OUTAGE and calendar.is_rare(day, lasting):
                    absent.append(day)
            if day not in marked:
                calendar.note(day, came=day in came)
            day += _DAY
        return absent, kinds

    def _outage(self, day: date) -> dict[str, object]:
        before = [n for n, each in enumerate(self._days) if each < day][-20:]
        return {
            "date": day,
            "kind": "outage",
            "score": None,
            "expected": float(np.median(self._totals[before])),
            "observed": 0.0,
            "lines": "",
            "reason": "nothing came on a day on which the source comes: an outage",
        }

    def _by_total(self, amounts: Floats) -> list[dict[str, object]]:
        """One series: the day's error against how far it strayed on such days before."""
        model = expect_lines(self._days, amounts, self._learn, self._kinds)
        scores = (model.residual / model.scale)[:, 0]
        found = []
        for at in range(len(self._days)):
            value = amounts[at, 0]
            if not value > 0:
                past = amounts[max(0, at - 250) : at, 0][self._learn[max(0, at - 250) : at]]
                if len(past) >= _LEAST_SCORES and (past > 0).mean() >= 0.99:
                    found.append(self._finding(at, "outage", None, model, amounts))
                continue
            past = self._earlier(scores, at)
            if np.isnan(scores[at]) or len(past) < _LEAST_GROSS:
                continue
            if len(past) >= _LEAST_SCORES:
                share = _TOTAL_BUDGET / 2 / self._days_a_year(at)
                high, low = tail_limit(past, share), -tail_limit(-past, share)
            else:
                # Too early to know the tail: only what is as gross as another unit.
                high = max(_GROSS_SIGMAS, _GROSS / float(model.scale[at, 0]))
                low = -high
            if not low <= scores[at] <= high:
                kind = kind_of_factor(model.residual[at, 0]) or "line"
                found.append(self._finding(at, kind, float(scores[at]), model, amounts))
        return found

    def _by_lines(self) -> list[dict[str, object]]:
        model = expect_lines(self._days, self._amounts, self._learn, self._kinds)
        shifts = np.array([_shift(*each) for each in zip(model.residual, model.usual, strict=True)])
        tenfold = TenfoldTest(model, self._amounts, self._learn)
        likely = np.full(len(self._days), np.nan)
        found = []
        for at in range(len(self._days)):
            likely[at], line = tenfold.judge(at)
            kind, score = self._missing(at)
            if kind is None:
                kind, score = self._shifted(shifts, at)
            if kind is not None:
                found.append(
                    self._finding(at, kind, score, model, self._amounts, shift=float(shifts[at]))
                )
                continue
            past = self._earlier(likely, at)
            if np.isnan(likely[at]) or len(past) < _LEAST_LIKELIHOODS:
                continue
            share = _LINE_BUDGET / self._days_a_year(at)
            if likely[at] > max(tail_limit(past, share, 0.9, 0.97), 0):
                score = float(likely[at]) / math.log(10)
                found.append(self._finding(at, "line", score, model, self._amounts, line=line))
        return found

    def _missing(self, at: int) -> tuple[str | None, float | None]:
        """Whether too few of the lines that always come have come with something."""
        begin = max(0, at - _PRESENCE_DAYS)
        past = self._present[begin:at][self._learn[begin:at]]
        if len(past) < _LEAST_REGULAR * 3:
            return None, None
        rate = past.mean(axis=0)
        regular = rate >= _REGULAR
        if regular.sum() < _LEAST_REGULAR:
            return None, None
        parts = past[:, regular].mean(axis=1)
        here = float(self._present[at][regular].mean())
        spread = 1.4826 * float(np.median(np.abs(parts - np.median(parts)))) + 0.03
        score = (here - float(np.median(parts))) / spread
        if here >= _MOST_PRESENT or score > -_SHIFT_SIGMAS:
            return None, None
        return ("outage" if here < 0.1 else "mix"), score

    def _have_come(self) -> npt.NDArray[np.bool_]:
        present: npt.NDArray[np.bool_] = ~np.isnan(self._amounts) & (self._amounts != 0)
        return present

    def _shifted(self, shifts: Floats, at: int) -> tuple[str | None, float | None]:
        past = self._earlier(shifts, at)
        if np.isnan(shifts[at]) or len(past) < 20:
            return None, None
        spread = max(1.4826 * float(np.median(np.abs(past))), 0.03)
        score = float(shifts[at]) / spread
        if abs(shifts[at]) < _LEAST_SHIFT or abs(score) < _SHIFT_SIGMAS:
            return None, None
        return kind_of_factor(float(shifts[at])) or "mix", score

    def _earlier(self, scores: Floats, at: int) -> Floats:
        past = scores[max(0, at - _MEMORY) : at][self._learn[max(0, at - _MEMORY) : at]]
        known: Floats = past[~np.isnan(past)]
        return known

    def _days_a_year(self, at: int) -> float:
        return 52.0 * max(len(self._kinds[at][0]), 1)

    def _finding(
        self,
        at: int,
        kind: str,
        score: float | None,
        model: Expectations,
        amounts: Floats,
        *,
        line: int | None = None,
        shift: float | None = None,
    ) -> dict[str, object]:
        names = self._lines if amounts.shape[1] == len(self._lines) else ["the total"]
        expected = np.exp(model.expected[at])
        observed = np.nan_to_num(amounts[at])
        if kind != "outage" and line is None and kind != "mix":
            expected[amounts[at] <= 0] = np.nan
        each: Sequence[int] = range(len(names)) if line is None else [line]
        told = [n for n in each if not np.isnan(expected[n])]
        should = float(expected[told].sum())
        was = float(observed[told].sum())
        drivers = driving_lines(names, expected, observed, told)
        return {
            "date": self._days[at],
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
    if known.sum() < _LEAST_POOLED:
        return math.nan
    order = np.argsort(residual[known])
    weight = np.cumsum((1 / (usual[known] ** 2 + 0.01))[order])
    return float(residual[known][order][np.searchsorted(weight, weight[-1] / 2)])
