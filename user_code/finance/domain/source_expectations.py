"""What a contract says of a source beyond its form: when it comes, and what it states of itself."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Arrival(BaseModel):
    """When the file of a day is expected: at a local time, so many days after the file's date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: time
    """Local time of the contract's `time_zone`, as "18:30" (in quotes: YAML reads 18:30 as a
    number)."""
    days: Literal["business", "every"] = "business"
    """On which days the source writes a file: Monday to Friday but for holidays, or every day."""
    holidays: str | None = None
    """A country's code (`US`, `DE`), or country and subdivision (`DE-BY`), for days `business`."""
    days_after: int = Field(default=0, ge=0, le=31)
    """Calendar days between the file's date and its arrival."""

    @field_validator("by", mode="before")
    @classmethod
    def _in_quotes(cls, value: object) -> object:
        # 18:30 without quotes is the number 1110 in YAML, which would be taken for 00:18:30.
        if isinstance(value, int | float):
            raise ValueError('write the time in quotes: "18:30"')
        return value

    @field_validator("holidays")
    @classmethod
    def _known_calendar(cls, value: str | None) -> str | None:
        if value is not None:
            _holidays(value, 2000)
        return value

    def expects(self, day: date) -> bool:
        """Whether there should be a file with this date in its name."""
        if self.days == "every":
            return True
        return day.weekday() < 5 and not (
            self.holidays and day in _holidays(self.holidays, day.year)
        )

    def due(self, day: date, time_zone: str) -> datetime:
        """The moment by which the file of `day` should have come."""
        when = day + timedelta(days=self.days_after)
        return datetime.combine(when, self.by, tzinfo=ZoneInfo(time_zone))


class ControlTotals(BaseModel):
    """A column in which the feed states, beside each amount, the month to date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    month_to_date: str = Field(min_length=1)
    """The feed's column, written in the same form as the amounts."""
    tolerance: Decimal = Field(default=Decimal(0), ge=0, decimal_places=4, max_digits=16)
    """Differences up to this are none: for feeds in rounded units."""


def _holidays(calendar: str, year: int) -> set[date]:
    import holidays  # a tenth of a second to load, for feeds that name a calendar alone

    country, _, subdivision = calendar.partition("-")
    try:
        return set(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError as error:
        raise ValueError("use a country's code such as US, DE or DE-BY") from error
