"""What every table of the financial domain looks like, written once: checks derive from it.

Money is `Decimal(38, 4)`: no currency of ISO 4217 has more than four digits, and 34 digits before
the point leave room for any sum. Amounts keep the sign that the feed gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

MONEY = pl.Decimal(38, 4)
RATE = pl.Decimal(38, 10)
UTC_TIME = pl.Datetime("us", "UTC")

FIELDS = ("transaction_id", "booked_at", "account_id", "category", "amount", "currency")
"""The fields of a transaction, in the order of the default feed."""


class ContractBroken(ValueError):
    """A frame lacks a column of its contract, or has another type there."""


@dataclass(frozen=True)
class TableContract:
    """Columns with their types, the key that names a row, and a line on what a row is."""

    name: str
    row_is: str
    columns: Mapping[str, pl.DataType]
    key: tuple[str, ...]

    def empty(self) -> pl.DataFrame:
        """A frame of this form without rows."""
        return pl.DataFrame(schema=pl.Schema(self.columns))

    def shape(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The contract's columns of `frame`, in the contract's order; raises ContractBroken."""
        problems = self.problems(frame.schema)
        if problems:
            raise ContractBroken(f"{self.name}: " + "; ".join(problems))
        return frame.select(*self.columns)

    def problems(self, schema: Mapping[str, pl.DataType]) -> list[str]:
        """What in `schema` breaks the contract, in words; empty if nothing does."""
        return [
            f"column {column} is {schema.get(column, 'missing')}, should be {wanted}"
            for column, wanted in self.columns.items()
            if schema.get(column) != wanted
        ]


_ORIGIN: dict[str, pl.DataType] = {
    "file_date": pl.Date(),
    "file": pl.String(),
    "line": pl.Int64(),
}

_TRANSACTION: dict[str, pl.DataType] = {
    "source": pl.String(),
    "transaction_id": pl.String(),
    "booked_at": UTC_TIME,
    "date": pl.Date(),
    "account_id": pl.String(),
    "category": pl.String(),
    "amount": MONEY,
    "currency": pl.String(),
    "month_to_date": MONEY,
    "amount_base": MONEY,
    "rate_date": pl.Date(),
    **_ORIGIN,
}

FINANCIAL_TRANSACTIONS = TableContract(
    "financial_transactions",
    "one accepted transaction; `date` is the day of `booked_at` in the source's time zone, "
    "`file_date` the day in the file's name; `month_to_date` what the feed states, if its contract "
    "has control totals; `amount_base` the amount in the base currency by the rate of `rate_date`, "
    "both null where no rate of the seven days to `date` is known",
    _TRANSACTION,
    ("source", "transaction_id"),
)

DUPLICATES = TableContract(
    "duplicates",
    "one record whose transaction id was seen before in its source",
    _TRANSACTION,
    ("file_date", "source", "file", "line"),
)

QUARANTINE = TableContract(
    "quarantine",
    "one physical record that is no transaction: private, as it keeps the raw line",
    {
        "source": pl.String(),
        **_ORIGIN,
        "raw_line": pl.Binary(),
        "reasons": pl.List(pl.String()),
    },
    ("file_date", "source", "file", "line"),
)

DAILY_SUMMARY = TableContract(
    "daily_summary",
    "all transactions of one date, source, currency and category, whichever day's file brought "
    "them; `median` of their amounts; `share` is the category's part of the total of its date, "
    "source and currency, null where that is zero",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "currency": pl.String(),
        "category": pl.String(),
        "total_amount": MONEY,
        "transaction_count": pl.Int64(),
        "median": pl.Float64(),
        "share": pl.Float64(),
    },
    ("date", "source", "currency", "category"),
)

CATEGORY_STATISTICS = TableContract(
    "category_statistics",
    "all transactions of one date by category and currency, all sources; `share` is the category's "
    "part of the currency's total of the date, null where that total is zero",
    {
        "date": pl.Date(),
        "category": pl.String(),
        "currency": pl.String(),
        "count": pl.Int64(),
        "avg_amount": pl.Float64(),
        "median": pl.Float64(),
        "total": MONEY,
        "share": pl.Float64(),
    },
    ("date", "category", "currency"),
)

HISTORICAL_DATA = TableContract(
    "historical_data",
    "all transactions of one date, source and currency, whichever day's file brought them",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "currency": pl.String(),
        "total_amount": MONEY,
        "transaction_count": pl.Int64(),
    },
    ("date", "source", "currency"),
)

ANOMALY_MODEL = TableContract(
    "anomaly_model",
    "what was to be expected of one line (category) of a source and currency on one date, one step "
    "ahead; of a source of few lines there is one, `the total`. `observed` and `expected` are "
    "sizes, without sign, null where nothing came or too little is known; `usual` and `scale` are "
    "how far it strays, on a natural log scale, on all days and on such days",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "currency": pl.String(),
        "line": pl.String(),
        "observed": pl.Float64(),
        "expected": pl.Float64(),
        "usual": pl.Float64(),
        "scale": pl.Float64(),
    },
    ("date", "source", "currency", "line"),
)

TOTAL_FINDINGS = TableContract(
    "total_findings",
    "one day of one source and currency whose total or count is far from the same weekdays before",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "currency": pl.String(),
        "kind": pl.String(),
        "score": pl.Float64(),
        "expected_total": pl.Float64(),
        "observed_total": MONEY,
        "expected_count": pl.Float64(),
        "observed_count": pl.Int64(),
        "reason": pl.String(),
    },
    ("date", "source", "currency"),
)

ANOMALY_DETECTION = TableContract(
    "anomaly_detection",
    "one day of one source and currency that is far from what was to be expected; totals sum up "
    "sizes of lines, without sign, of one alone for kind line; `lines` are those that moved "
    "the total most; `marked` is what a person said of it: incident, expected, or null",
    {**TOTAL_FINDINGS.columns, "lines": pl.String(), "marked": pl.String()},
    TOTAL_FINDINGS.key,
)

LINE_ITEMS = TableContract(
    "line_items",
    "the amount of one line (item, category) of a source on one day",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "line": pl.String(),
        "amount": pl.Float64(),
    },
    ("date", "source", "line"),
)

LINE_FINDINGS = TableContract(
    "line_findings",
    "one day of one source whose lines are far from what was to be expected; `score` is in robust "
    "standard deviations, for kind line in powers of ten of likelihood",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "kind": pl.String(),
        "score": pl.Float64(),
        "expected": pl.Float64(),
        "observed": pl.Float64(),
        "lines": pl.String(),
        "reason": pl.String(),
    },
    ("date", "source"),
)

CONTROL_TOTALS = TableContract(
    "control_totals",
    "the amount of one line of a source on one day, and what the feed states for the month so far",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "line": pl.String(),
        "amount": MONEY,
        "month_to_date": MONEY,
    },
    ("date", "source", "line"),
)

CONTROL_DIFFERENCES = TableContract(
    "control_differences",
    "one line-day whose month-to-date total isn't the previous one and the amount: `difference` is "
    "`stated` less `expected`; `previous` is null on a line's first day of a month",
    {
        "date": pl.Date(),
        "source": pl.String(),
        "line": pl.String(),
        "previous": MONEY,
        "amount": MONEY,
        "expected": MONEY,
        "stated": MONEY,
        "difference": MONEY,
    },
    ("date", "source", "line"),
)

RECONCILIATION = TableContract(
    "reconciliation",
    f"{CONTROL_DIFFERENCES.row_is}; the lines of a source are its categories, by currency",
    {**CONTROL_DIFFERENCES.columns, "currency": pl.String()},
    ("date", "source", "currency", "line"),
)

EXCHANGE_RATES = TableContract(
    "exchange_rates",
    "a reference rate: units of the currency for one euro on one date",
    {"date": pl.Date(), "currency": pl.String(), "rate": RATE},
    ("date", "currency"),
)

TABLES = (
    EXCHANGE_RATES,
    FINANCIAL_TRANSACTIONS,
    DAILY_SUMMARY,
    CATEGORY_STATISTICS,
    HISTORICAL_DATA,
    ANOMALY_MODEL,
    ANOMALY_DETECTION,
    RECONCILIATION,
)
"""The tables that also live in the warehouse."""
