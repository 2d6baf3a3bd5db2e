"""On which days a feed comes, and what kind of day each is: learnt from the days that came.

Public holidays are looked up (`holidays`), but whose holidays a feed keeps is learnt as well: a
calendar stays plausible while the feed is absent on its holidays.
"""

from collections import deque
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

import holidays
import numpy as np
import numpy.typing as npt

_COUNTRIES = ("US", "GB", "DE", "FR", "CH", "CA", "JP")
_MARKETS = ("XNYS", "XECB")
_DAY = timedelta(days=1)
# A weekday that came in this part of the last weeks is one on which the feed comes.
_REGULAR = 0.6
_WEEKS = 12
# A calendar is kept while the feed was absent on this part of its holidays.
_KEPT = 0.75
# After so many holidays it is known whose they are; until then any plausible calendar excuses.
_SETTLED = 8
_FROM_START, _FROM_END = 10, 8
# So improbable must an absence be to be worth a word: one day alone (a source that misses three a
# year still is), and several that follow each other (of all such, about one in a year).
_RARE_DAY, _RARE_RUN = 0.016, 0.004
_LATELY = 250


@lru_cache(maxsize=256)
def _holidays(name: str, year: int) -> frozenset[date]:
    look_up = holidays.country_holidays if name in _COUNTRIES else holidays.financial_holidays
    return frozenset(look_up(name, years=year))


def is_holiday(name: str, day: date) -> bool:
    """Whether `day` is a holiday of the calendar `name`, one of those that are tried."""
    return day in _holidays(name, day.year)


class BusinessCalendar:
    """Fed one day after the other; says what the days before it make plausible."""

    def __init__(self) -> None:
        self._came: list[list[bool]] = [[] for _ in range(7)]
        self._kept = dict.fromkeys((*_COUNTRIES, *_MARKETS), 0)
        self._seen = dict.fromkeys((*_COUNTRIES, *_MARKETS), 0)
        self._gaps: set[date] = set()
        self._missed: deque[bool] = deque(maxlen=_LATELY)
        self._missed_by_weekday: list[deque[bool]] = [deque(maxlen=_WEEKS) for _ in range(7)]

    def note(self, day: date, *, came: bool) -> None:
        """What `day` was like; days are noted in order, those without a feed, too."""
        regular = self._is_regular(day)
        if regular:
            for name in self._seen:
                if is_holiday(name, day):
                    self._seen[name] += 1
                    self._kept[name] += not came
        excused = self._is_excused(day)
        if not came and regular and not excused:
            self._gaps.add(day)
        if regular and not excused:
            self._missed.append(not came)
            self._missed_by_weekday[day.weekday()].append(not came)
        if came:
            # A gap that the next year doesn't repeat was a fault, and excuses no later one.
            self._gaps.difference_update(_same_day_before(day))
        if came or not regular or not excused:
            self._came[day.weekday()].append(came)

    def holiday_calendar(self) -> str | None:
        """The calendar that explains most of the absences so far; None if none does."""
        best = max(self._seen, key=lambda name: 2 * self._kept[name] - self._seen[name])
        return best if 2 * self._kept[best] > self._seen[best] else None

    def should_have_come(self, day: date) -> bool:
        """Whether the feed's absence on `day` is a fault: a regular weekday and no holiday."""
        lately = self._came[day.weekday()]
        return len(lately) >= 3 and self._is_regular(day) and not self._is_excused(day)

    def is_rare(self, day: date, run: int) -> bool:
        """Whether such a source hardly ever stays away for `run` regular days up to `day`.

        Some sources come on most days only: that they don't come once says nothing.
        """
        share = (sum(self._missed) + 0.25) / (len(self._missed) + 1)
        on_this = self._missed_by_weekday[day.weekday()]
        if sum(on_this) > 1:  # Saturdays may be another matter
            share = max(share, sum(on_this) / len(on_this))
        return share**run <= (_RARE_DAY if run == 1 else _RARE_RUN)

    def regular_weekdays(self) -> frozenset[int]:
        """The weekdays on which the feed comes, Monday is 0; Monday to Friday with no history."""
        return frozenset(
            day.weekday() for n in range(7) if self._is_regular(day := date(2024, 1, 1) + n * _DAY)
        )

    def _is_regular(self, day: date) -> bool:
        lately = self._came[day.weekday()][-_WEEKS:]
        if not lately:
            return day.weekday() < 5
        return sum(lately) >= _REGULAR * len(lately)

    def _is_excused(self, day: date) -> bool:
        best = self.holiday_calendar()
        settled = best is not None and self._seen[best] >= _SETTLED
        for name in (best,) if settled and best else self._seen:
            if is_holiday(name, day) and self._kept[name] >= _KEPT * self._seen[name]:
                return True
        return any(each in self._gaps for each in _same_day_before(day))


def _same_day_before(day: date) -> list[date]:
    """The day of the same name one and two years earlier."""
    name = min(day.day, 28) if day.month == 2 else day.day
    return [day.replace(year=year, day=name) for year in (day.year - 1, day.year - 2)]


def describe_days(
    days: Sequence[date], weekdays: frozenset[int], calendar: str | None
) -> npt.NDArray[np.float64]:
    """Days → one row of 0/1 features each: weekday, the days of the month that this business day
    stands for, business days from the month's start and end, month, tax days, holidays around.
    """
    # A day that came, came: whatever the calendar says of it.
    came = set(days)

    def open_(day: date) -> bool:
        if day in came:
            return True
        return day.weekday() in weekdays and not (calendar and is_holiday(calendar, day))

    def step(day: date, by: int) -> date:
        for n in range(1, 8):
            if open_(day + by * n * _DAY):
                return day + by * n * _DAY
        return day + by * _DAY

    def business_days(day: date, by: int, most: int) -> int:
        """How many business days lie between the month's start (or end) and `day`."""
        count, each = 0, day + by * _DAY
        while each.month == day.month and count < most:
            count += open_(each)
            each += by * _DAY
        return count

    rows = np.zeros((len(days), _WIDTH))
    for row, day in zip(rows, days, strict=True):
        before, after = step(day, -1), step(day, 1)
        row[0] = 1
        row[1 + day.weekday()] = 1
        # A payment due on a closed day is made on the next open one, or on the last before.
        following = [before + n * _DAY for n in range(1, (day - before).days + 1)]
        preceding = [day + n * _DAY for n in range((after - day).days)]
        for each in following:
            row[8 + each.day - 1] = 1
            if each.day in (1, 15):
                row[_MONTHS + (12 if each.day == 1 else 24) + each.month - 1] = 1
        for each in preceding:
            row[39 + each.day - 1] = 1
        row[70 + business_days(day, -1, _FROM_START - 1)] = 1
        row[80 + business_days(day, 1, _FROM_END - 1)] = 1
        row[88] = (
            day.weekday() > 0 and (day - _DAY) != before and (day - _DAY).weekday() in weekdays
        )
        row[89] = (day + _DAY) != after and (day + _DAY).weekday() in weekdays
        row[_MONTHS + day.month - 1] = 1
    return rows


_MONTHS = 90
_WIDTH = _MONTHS + 36
