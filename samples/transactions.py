"""Made-up daily feeds: two sources × 120 days, with the faults that a detector must find.

Day totals vary with the weekday and by a few per cent more, so that the planted faults stand out
and nothing else does, whatever the seed. README.md beside this file lists the faults.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta

DAYS = 120
COLUMNS = ("transaction_id", "booked_at", "account_id", "category", "amount", "currency")

# Monday to Sunday, rows in thousands: payments are made on working days, cards at the weekend.
# The lowest, less 4 %, stays above 1,000: the default floor of a plausible day.
WEEKS = {
    "cards": (1.15, 1.12, 1.16, 1.22, 1.42, 1.50, 1.30),
    "payments": (1.45, 1.40, 1.38, 1.36, 1.48, 1.10, 1.08),
}
CURRENCIES = {"cards": ("EUR",), "payments": ("USD", "USD", "USD", "GBP")}
# Name and typical amount.
CATEGORIES = (
    ("groceries", 38),
    ("dining", 24),
    ("transport", 12),
    ("utilities", 95),
    ("health", 52),
    ("travel", 240),
    ("online", 45),
    ("refund", -30),
)

# Faults, as days before the last one.
DOUBLED = ("cards", 33)
OUTAGE = ("payments", 12)
OUTAGE_ROWS = 40

BAD_SHARE = 0.001
# Each spoils a row's fields in a way that real feeds show.
BAD_FIELDS = (
    ("amount", "12,5O"),
    ("amount", ""),
    ("currency", "EURO"),
    ("currency", ""),
    ("booked_at", "2025-02-30T12:00:00Z"),
)


@dataclass(frozen=True)
class DayFile:
    """One source's file of one day."""

    source: str
    day: date
    text: str

    @property
    def path(self) -> str:
        """Relative to the landing zone."""
        return f"finance/{self.source}/{self.source}-{self.day.isoformat()}.csv"


def day_files(until: date, seed: int) -> Iterator[DayFile]:
    """All files, oldest first; the last day is ``until``."""
    for age in range(DAYS - 1, -1, -1):
        for source in WEEKS:
            day = until - timedelta(days=age)
            yield DayFile(source, day, _csv(_rows(source, day, age, seed)))


def _rows(source: str, day: date, age: int, seed: int) -> list[dict[str, str]]:
    rng = random.Random(f"{seed}:{source}:{age}")
    count = round(1000 * WEEKS[source][day.weekday()] * rng.uniform(0.96, 1.04))
    if (source, age) == OUTAGE:
        count = OUTAGE_ROWS
    rows = _transactions(rng, source, day, count)
    if (source, age) == DOUBLED:
        # The upstream export ran twice: every booking again, under a new id.
        rows += [
            {**row, "transaction_id": _transaction_id(source, day, count + number)}
            for number, row in enumerate(rows)
        ]
    for row in rows:
        if rng.random() < BAD_SHARE:
            column, value = rng.choice(BAD_FIELDS)
            row[column] = value
    return rows


def _transactions(rng: random.Random, source: str, day: date, count: int) -> list[dict[str, str]]:
    currencies = CURRENCIES[source]
    rows = []
    for number in range(count):
        category, typical = CATEGORIES[number % len(CATEGORIES)]
        amount = round(typical * rng.triangular(0.3, 2.2, 0.7), 2)
        booked = time(rng.randrange(6, 22), rng.randrange(60), rng.randrange(60))
        rows.append(
            {
                "transaction_id": _transaction_id(source, day, number),
                "booked_at": f"{day}T{booked}Z",
                "account_id": f"{source}-acct-{rng.randrange(400):03d}",
                "category": category,
                "amount": f"{amount:.2f}",
                "currency": currencies[number // len(CATEGORIES) % len(currencies)],
            }
        )
    return rows


def _transaction_id(source: str, day: date, number: int) -> str:
    return f"{source}-{day:%Y%m%d}-{number:05d}"


def _csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
