"""`python -m user_code.finance.replay SOURCE [DAY]`: have landed days read again.

For after a fix of a source's contract: its days are noted where the sensor `finance_recompute`
looks, which asks for their runs, days that follow each other in one.
"""

import sys
import uuid
from collections.abc import Collection
from datetime import date
from pathlib import Path

import psycopg2

from user_code.finance.landed_days import files_by_day
from user_code.finance.recompute import has_partition, note_more_days
from user_code.settings import SettingsError, settings
from user_code.shared.landing import FIRST_DAY
from user_code.shared.warehouse import Warehouse


def note_replay(warehouse: Warehouse, days: Collection[date]) -> str:
    """Notes the days; returns the mark by which their runs' keys differ from all earlier ones."""
    mark = f"replay-{uuid.uuid4()}"
    # Asked for by a person: the count of rounds, which stops days that never settle, begins anew.
    note_more_days(warehouse, days, mark)
    return mark


def days_of(landing: Path, source: str, only: date | None = None) -> set[date]:
    """The days of which `source` has files in the landing zone; of `only`, if given.

    Only days that have a partition: a range with any other would fail, again and again.
    """
    return {
        day
        for day, files in files_by_day(landing).items()
        if only in (None, day)
        and has_partition(day)
        and any(file.source == source for file in files)
    }


def main(arguments: list[str]) -> int:
    """Exit code 1 and one line on standard error where nothing was noted."""
    if not 1 <= len(arguments) <= 2 or not arguments[0]:
        return _refuse("which source? make replay SOURCE=till, or SOURCE=till DAY=2026-01-31")
    source, *rest = arguments
    try:
        only = date.fromisoformat(rest[0]) if rest else None
        here = settings()
        days = days_of(here.landing, source, only)
        if not days:
            when = f" of {only}" if only else ""
            return _refuse(
                f"no file{when} of the source {source}, of a day from {FIRST_DAY} to today, is in "
                "the landing zone"
            )
        note_replay(Warehouse(here.warehouse_dsn()), days)
    except (ValueError, SettingsError, OSError, psycopg2.Error) as error:
        return _refuse(str(error).strip())
    print(f"{len(days)} days of {source} will be read again: the runs start within a minute")
    return 0


def _refuse(reason: str) -> int:
    print(f"replay: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
