"""Days whose total, count or absence is far from what the same weekdays had before.

One step ahead: a day is judged by earlier days alone. What a day should have is the median of the
same weekday's last weeks; how far it may stray is learnt from how far days strayed lately, so that
a restless series must stray further before anyone is disturbed.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

import polars as pl

from user_code.finance.domain.contracts import HISTORICAL_DATA, TOTAL_FINDINGS
from user_code.finance.domain.ticket_size import TicketSize

_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
# Median absolute deviation → standard deviation of a normal distribution.
_MAD_TO_SIGMA = 1.4826
# A series as still as this strays by chance: 5 % of the expected value.
_LEAST_SPREAD = 0.05
# A weekday that came at least this often lately is one on which the feed is expected.
_COMES_REGULARLY = 0.9


@dataclass(frozen=True)
class DetectorSettings:
    """When a day is worth a person's time."""

    threshold: float = 7.0
    """Robust standard deviations from the expected value, on a log scale where all is positive."""
    weeks: int = 10
    """How many earlier days of the same weekday say what to expect."""
    least_history: int = 4
    """With fewer of them nothing is said."""


@dataclass(frozen=True)
class _Judgement:
    """One measure of one day against its history; `ratio` is observed / expected, if positive."""

    score: float
    expected: float
    ratio: float | None


def flag_unusual_days(
    history: pl.DataFrame,
    settings: DetectorSettings | None = None,
    incidents: Collection[tuple[date, str]] = (),
) -> pl.DataFrame:
    """HISTORICAL_DATA → TOTAL_FINDINGS, sorted by its key; no rows if all is as it was.

    A missing day counts once a later day has arrived, from whatever source. `incidents` (date,
    source) are judged but teach nothing.
    """
    settings = settings or DetectorSettings()
    if history.is_empty():
        return TOTAL_FINDINGS.empty()
    newest: date = history.get_column("date").max()  # type: ignore[assignment]
    found: list[dict[str, object]] = []
    for (source, currency), series in history.sort(HISTORICAL_DATA.key).group_by(
        "source", "currency", maintain_order=True
    ):
        marked = frozenset(day for day, name in incidents if name == source)
        for finding in _judge_series(series, newest, settings, marked):
            found.append({"source": source, "currency": currency, **finding})
    frame = pl.DataFrame(found, schema=TOTAL_FINDINGS.columns, orient="row")
    return frame.sort(TOTAL_FINDINGS.key)


def _judge_series(
    series: pl.DataFrame, newest: date, settings: DetectorSettings, marked: frozenset[date]
) -> list[dict[str, object]]:
    rows = {
        day: (total, count)
        for day, total, count in series.select(
            "date", "total_amount", "transaction_count"
        ).iter_rows()
    }
    first, last = min(rows), max(max(rows), newest - timedelta(days=1))
    totals = _Measure(settings)
    counts = _Measure(settings)
    tickets = TicketSize()
    calendar = _Calendar(settings)
    findings = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day not in rows:
            if calendar.should_have_come(day):
                findings.append(_outage(day, totals, counts))
            if day not in marked:
                calendar.note(day, came=False)
            continue
        total, count = rows[day]
        learn = day not in marked
        by_total = totals.judge(day, float(total), learn=learn)
        by_count = counts.judge(day, float(count), learn=learn)
        by_ticket = tickets.judge(float(total), float(count), learn=learn)
        if learn:
            calendar.note(day, came=True)
        if by_total and by_count:
            score = max(by_total.score, by_count.score, by_ticket or 0.0, key=abs)
            if by_ticket is not None or abs(score) >= settings.threshold:
                kind = "unit" if by_ticket else _kind(by_total.ratio, by_count.ratio)
                findings.append(
                    {
                        "date": day,
                        "kind": kind,
                        "score": round(score, 2),
                        "expected_total": by_total.expected,
                        "observed_total": total,
                        "expected_count": by_count.expected,
                        "observed_count": count,
                        "reason": _words(day, kind, by_total, by_count),
                    }
                )
    return findings


class _Measure:
    """One number a day, as it went so far."""

    def __init__(self, settings: DetectorSettings) -> None:
        self._settings = settings
        self._by_weekday: list[list[float]] = [[] for _ in range(7)]
        self._strayed: list[tuple[bool, float]] = []

    def expected(self, day: date) -> float | None:
        """The median of the weekday's last weeks; None with too short a history."""
        past = self._by_weekday[day.weekday()][-self._settings.weeks :]
        return median(past) if len(past) >= self._settings.least_history else None

    def judge(self, day: date, observed: float, *, learn: bool) -> _Judgement | None:
        """The day against the days before; then, to `learn`, one of those. None: too early."""
        past = self._by_weekday[day.weekday()][-self._settings.weeks :]
        expected = self.expected(day)
        if learn:
            self._by_weekday[day.weekday()].append(observed)
        if expected is None:
            return None
        on_log = observed > 0 and min(past) > 0
        scale = math.log if on_log else float
        centre = scale(expected)
        strayed = scale(observed) - centre
        own = _spread([scale(value) - centre for value in past])
        lately = [by for log, by in self._strayed[-7 * self._settings.weeks :] if log == on_log]
        least = _LEAST_SPREAD if on_log else _LEAST_SPREAD * abs(expected)
        spread = max(own, _spread(lately), least) or 1.0
        if learn:
            self._strayed.append((on_log, strayed))
        ratio = observed / expected if expected > 0 and observed > 0 else None
        return _Judgement(strayed / spread, expected, ratio)


def _spread(deviations: Sequence[float]) -> float:
    if not deviations:
        return 0.0
    return _MAD_TO_SIGMA * median(abs(deviation) for deviation in deviations)


class _Calendar:
    """On which days the feed comes: by weekday, less the holidays that earlier years show."""

    def __init__(self, settings: DetectorSettings) -> None:
        self._settings = settings
        self._came: list[list[bool]] = [[] for _ in range(7)]
        self._gaps: list[date] = []

    def should_have_come(self, day: date) -> bool:
        """Whether the weekday comes regularly and no earlier year left this day out, too."""
        lately = self._came[day.weekday()][-self._settings.weeks :]
        if len(lately) < self._settings.least_history:
            return False
        regular = sum(lately) / len(lately) >= _COMES_REGULARLY
        return regular and not any(_same_holiday(day, gap) for gap in self._gaps)

    def note(self, day: date, *, came: bool) -> None:
        """What the day was like, for the days after it."""
        lately = self._came[day.weekday()]
        if not came and lately and sum(lately) / len(lately) >= 0.5:
            self._gaps.append(day)
        lately.append(came)


def _same_holiday(day: date, gap: date) -> bool:
    """Is `day` to its year what `gap` was to an earlier one (4 July, or September's 1st Monday)?"""
    if gap.year >= day.year:
        return False
    moved = day.replace(year=gap.year) if (day.month, day.day) != (2, 29) else day
    if abs((moved - gap).days) <= 1:
        return True
    if (day.month, day.weekday()) != (gap.month, gap.weekday()):
        return False
    last = [(each + timedelta(days=7)).month != each.month for each in (day, gap)]
    return (day.day - 1) // 7 == (gap.day - 1) // 7 or all(last)


def _outage(day: date, totals: _Measure, counts: _Measure) -> dict[str, object]:
    return {
        "date": day,
        "kind": "outage",
        "score": None,
        "expected_total": totals.expected(day),
        "observed_total": None,
        "expected_count": counts.expected(day),
        "observed_count": 0,
        "reason": f"nothing came, though the feed comes on {_WEEKDAYS[day.weekday()]}: an outage",
    }


def _kind(total: float | None, count: float | None) -> str:
    """What the day looks like, from observed / expected of both measures."""
    if total is None or count is None:
        return "unusual"
    if count <= 0.1:
        return "outage"
    if 1.6 <= total <= 2.5 and 1.6 <= count <= 2.5:
        return "double"
    if 0.4 <= total <= 0.625 and 0.4 <= count <= 0.625:
        return "half"
    if 0.6 <= count <= 1.6 and (total >= 5 or total <= 0.2):
        return "unit"
    return "unusual"


_LOOKS_LIKE = {
    "double": "it looks like a day delivered twice",
    "half": "it looks like half a day",
    "outage": "it looks like an outage",
    "unit": "it looks like amounts in another unit",
    "unusual": "nothing typical explains it",
}


def _words(day: date, kind: str, total: _Judgement, count: _Judgement) -> str:
    weekday = _WEEKDAYS[day.weekday()]
    parts = [
        f"the {name} is {judged.ratio:.3g} times that of earlier {weekday}"
        if judged.ratio is not None
        else f"the {name} is {'above' if judged.score > 0 else 'below'} that of earlier {weekday}"
        for name, judged in (("total", total), ("count", count))
    ]
    return f"{' and '.join(parts)}: {_LOOKS_LIKE[kind]}"
