"""One source's lines over its days: amounts, which days teach, and what is expected of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from user_code.finance.domain.business_calendar import BusinessCalendar
from user_code.finance.domain.line_expectations import (
    DayKind,
    Expectations,
    Floats,
    expect_lines,
)

THE_TOTAL = "the total"
LEAST_POOLED = 8
"""A source of fewer lines is judged by its total."""

_DAY = timedelta(days=1)
# A source that stays away is told on its first days.
_LONGEST_OUTAGE = 5


@dataclass(frozen=True)
class LineSeries:
    """What is modelled of a source: its lines, or its total where they are few."""

    days: list[date]
    """The days that came, in order."""
    lines: list[str]
    amounts: Floats
    """Days × lines; NaN where a line did not come."""
    learn: npt.NDArray[np.bool_]
    """Whether a day may teach the later ones."""
    absent: list[date]
    """Days on which the source should have come."""
    kinds: list[DayKind]
    """What was known of the calendar before each day."""

    @property
    def is_pooled(self) -> bool:
        """Whether the lines of a day are judged together."""
        return len(self.lines) >= LEAST_POOLED

    def expect(self) -> Expectations:
        """One step ahead: seconds for a year of a hundred lines."""
        return expect_lines(self.days, self.amounts, self.learn, self.kinds)


def arrange(rows: pl.DataFrame, marked: Iterable[date], newest: date) -> LineSeries:
    """LINE_ITEMS of one source → its series. `marked` days teach nothing.

    A day is absent once there is a later one, `newest`, from whatever source.
    """
    wide = days_by_lines(rows, "amount")
    days: list[date] = wide.get_column("date").to_list()
    lines = [name.removeprefix(_LINE) for name in wide.columns if name != "date"]
    amounts: Floats = wide.drop("date").to_numpy().astype(np.float64)
    if 1 < len(lines) < LEAST_POOLED:
        lines, amounts = [THE_TOTAL], np.nansum(amounts, axis=1)[:, None]
    known = frozenset(marked)
    learn = np.array([day not in known for day in days])
    absent, kinds = _follow_calendar(days, known, newest)
    return LineSeries(days, lines, amounts, learn, absent, kinds)


def days_by_lines(rows: pl.DataFrame, values: str) -> pl.DataFrame:
    """`date`, and a column for each line in the order of their names; both sorted."""
    # With a prefix, for a line may be called "date", too.
    marked = rows.sort("line", "date").with_columns((pl.lit(_LINE) + pl.col("line")).alias("line"))
    return marked.pivot("line", index="date", values=values).sort("date")


_LINE = "line "


def _follow_calendar(
    days: list[date], marked: frozenset[date], newest: date
) -> tuple[list[date], list[DayKind]]:
    calendar, came = BusinessCalendar(), set(days)
    kinds: list[DayKind] = []
    absent: list[date] = []
    lasting = 0
    day, last = days[0], max(days[-1], newest - _DAY)
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
