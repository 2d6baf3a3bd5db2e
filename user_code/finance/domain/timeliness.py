"""What should be there by now: files by their contracts, and results by the files that came."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from user_code.finance.domain.source_contract import SourceContract

# A file that is later than this was told often enough.
_LOOK_BACK = timedelta(days=10)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class LateFile:
    """A source's file of one day that did not come by the time that its contract names."""

    source: str
    day: date
    due: datetime


def late_files(
    contracts: Mapping[str, SourceContract],
    landed: Mapping[str, Collection[date]],
    now: datetime,
) -> list[LateFile]:
    """Source → contract, source → the days of its landed files → what is late `now` (aware).

    Looks ten days back. Days before a source's first file were never expected; of a source of
    which no file ever came only the newest day counts.
    """
    late: list[LateFile] = []
    for source, contract in sorted(contracts.items()):
        if contract.arrival is None:
            continue
        days = landed.get(source, ())
        today = now.astimezone(ZoneInfo(contract.time_zone)).date()
        missing = []
        # A due time is days after the file's date at most a month.
        day = today - _LOOK_BACK - contract.arrival.days_after * _DAY
        while day <= today:
            due = contract.arrival.due(day, contract.time_zone)
            if day not in days and due <= now and contract.arrival.expects(day):
                missing.append(LateFile(source, day, due))
            day += _DAY
        first = min(days, default=None)
        late += [each for each in missing if each.day > first] if first else missing[-1:]
    return late


def days_behind(
    arrived: Mapping[date, datetime],
    begun: Mapping[date, datetime],
    now: datetime,
    limit: timedelta,
) -> list[date]:
    """Days whose newest file arrived more than `limit` ago and that no run since has computed.

    `arrived`: when the newest file of a day came; `begun`: when the run began that computed it.
    """
    return sorted(
        day
        for day, when in arrived.items()
        if when < now - limit and (day not in begun or begun[day] < when)
    )
