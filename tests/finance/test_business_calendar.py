"""On which days a feed comes, learnt from the days that came."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import numpy as np
import pytest

from user_code.finance.domain.business_calendar import BusinessCalendar, describe_days

FIRST, LAST = date(2020, 1, 1), date(2023, 12, 31)


def _days(country: str | None) -> list[date]:
    closed = holidays.country_holidays(country, years=range(2020, 2024)) if country else ()
    every = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
    return [day for day in every if day.weekday() < 5 and day not in closed]


def _missed(came: list[date]) -> tuple[list[date], BusinessCalendar]:
    calendar, kept, missed = BusinessCalendar(), set(came), []
    day = FIRST
    while day <= LAST:
        if day not in kept and calendar.should_have_come(day):
            missed.append(day)
        calendar.note(day, came=day in kept)
        day += timedelta(1)
    return missed, calendar


@pytest.mark.parametrize("country", ["US", "GB", "DE"])
def test_holidays_that_a_feed_keeps_are_no_outages_and_whose_they_are_is_learnt(country):
    missed, calendar = _missed(_days(country))
    assert missed == []
    assert calendar.holiday_calendar() == country


def test_a_missing_business_day_should_have_come_also_near_a_foreign_holiday():
    boxing_day = date(2023, 12, 26)  # a holiday elsewhere, not in the US
    came = [day for day in _days("US") if day not in (date(2022, 5, 17), boxing_day)]
    assert _missed(came)[0] == [date(2022, 5, 17), boxing_day]


def test_a_feed_without_holidays_has_no_calendar_and_weekends_are_learnt():
    missed, calendar = _missed(_days(None))
    assert missed == []
    assert calendar.holiday_calendar() is None
    assert calendar.regular_weekdays() == frozenset(range(5))


def test_a_day_stands_for_the_closed_days_before_and_after_it():
    friday, monday = date(2024, 6, 14), date(2024, 6, 17)  # the 15th is a Saturday
    rows = describe_days([friday, monday], frozenset(range(5)), None)
    following, preceding = rows[:, 8:39], rows[:, 39:70]
    assert np.flatnonzero(following[1]).tolist() == [14, 15, 16]
    assert np.flatnonzero(preceding[0]).tolist() == [13, 14, 15]
    assert np.flatnonzero(rows[0, 70:80]).tolist() == [9]
