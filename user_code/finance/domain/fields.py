"""Text fields → typed transactions: every field is checked first, then cast, never rounded."""

import re
from datetime import date, timedelta
from functools import cache

import polars as pl
import polars.selectors as cs

from user_code.finance.domain.contracts import FIELDS, MONEY
from user_code.finance.domain.currencies import currency_digits
from user_code.finance.domain.source_contract import ISO_8601, SourceContract

_ISO = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)?"
    r"(Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?)?$"
)
LONGEST_TEXT = 200
"""Characters of a text field. It becomes part of a key, and an index takes at most 2,700 bytes:
one endless field must not stop the day."""

_TEXT_OF = {"amount": "_amount_text", "booked_at": "_booked_text"}
_EARLIEST, _LATEST = date(1900, 1, 1), date(2199, 12, 31)


def check_fields(text: pl.DataFrame, contract: SourceContract, file_date: date) -> pl.DataFrame:
    """Adds to text columns named as FIELDS: `date`, typed `booked_at` and `amount`, `reasons`.

    `month_to_date` is typed as the amount, where the contract has control totals; null if empty.
    A row with an empty list of reasons is a sound transaction; in any other row the typed columns
    mean nothing. Reasons name the field and the rule, never the value.
    """
    given = [
        pl.col(pl.String).str.strip_chars(" \t"),
        pl.lit(file_date).alias("_latest"),
        pl.lit(file_date - timedelta(days=contract.window_days)).alias("_earliest"),
    ]
    if "month_to_date" not in text.columns:
        given.append(pl.lit("").alias("month_to_date"))
    typed = text.with_columns(given)
    # Expressions are made once for all files: making them takes Python as long as Polars takes for
    # a file's few unusual rows.
    for step in _times(contract.date_format, contract.time_zone):
        typed = typed.with_columns(step)
    digits = pl.col("currency").replace_strict(
        *_digits(tuple(contract.digits.items())), default=None
    )
    return (
        typed.with_columns(
            *_numbers(contract.signs, contract.decimal, contract.thousands), digits.alias("_digits")
        )
        .with_columns(_reasons())
        .drop(cs.starts_with("_"))
    )


@cache
def _reasons() -> pl.Expr:
    """`reasons`: the words of each rule that the row breaks."""
    known = pl.col("_digits").is_not_null()
    stated = pl.col("_stated_text")
    sound_date = pl.col("date").is_not_null()
    rules = [
        *(_reason(pl.col(_TEXT_OF.get(field, field)) == "", f"{field}: empty") for field in FIELDS),
        *(
            _reason(pl.col(field).str.len_chars() > LONGEST_TEXT, f"{field}: too long")
            for field in ("transaction_id", "account_id", "category")
        ),
        _reason(
            (pl.col("_booked_text") != "") & ~sound_date,
            "booked_at: no date or time in the contract's form",
        ),
        _reason(
            (pl.col("_amount_text") != "") & pl.col("amount").is_null(),
            "amount: no plain decimal number in the contract's form",
        ),
        _reason(
            (stated != "") & pl.col("month_to_date").is_null(),
            "month_to_date: no plain decimal number in the contract's form",
        ),
        _reason((pl.col("currency") != "") & ~known, "currency: not a code of ISO 4217"),
        _reason(
            known & pl.col("amount").is_not_null() & (pl.col("_scale") > pl.col("_digits")),
            "amount: more digits than the currency has",
        ),
        _reason(sound_date & (pl.col("date") > pl.col("_latest")), "date: later than the file's"),
        _reason(
            sound_date & (pl.col("date") < pl.col("_earliest")),
            "date: before the contract's window",
        ),
    ]
    return pl.concat_list(rules).list.drop_nulls().alias("reasons")


def _reason(broken: pl.Expr, words: str) -> pl.Expr:
    return pl.when(broken).then(pl.lit(words))


@cache
def _numbers(signs: str, decimal: str, thousands: str | None) -> list[pl.Expr]:
    """Amounts as Decimal, null where the text is no plain number; their texts, and the digits."""
    amount, scale = _number(pl.col("amount"), signs, decimal, thousands)
    stated, _ = _number(pl.col("month_to_date"), signs, decimal, thousands)
    return [
        pl.col("amount").alias("_amount_text"),
        pl.col("month_to_date").alias("_stated_text"),
        amount.alias("amount"),
        stated.alias("month_to_date"),
        scale.alias("_scale"),
    ]


@cache
def _digits(own: tuple[tuple[str, int], ...]) -> tuple[pl.Series, pl.Series]:
    """Currencies, and how many digits each has after the point."""
    known = currency_digits() | dict(own)
    return pl.Series([*known]), pl.Series([*known.values()], dtype=pl.Int64)


def _number(
    text: pl.Expr, signs: str, decimal: str, thousands: str | None
) -> tuple[pl.Expr, pl.Expr]:
    """The number that the text writes, and with how many digits after the point; null if none."""
    if signs == "trailing":
        text = text.str.replace(r"^([^+-]+)([+-])$", "${2}${1}")
    elif signs == "parentheses":
        text = text.str.replace(r"^\(([^()+-]+)\)$", "-${1}")
    point = re.escape(decimal)
    whole = "[0-9]{1,18}"
    if thousands:
        separator = re.escape(thousands)
        whole = rf"(?:{whole}|[0-9]{{1,3}}(?:{separator}[0-9]{{3}}){{1,5}})"
    sound = text.str.contains(rf"^[+-]?{whole}(?:{point}[0-9]{{1,4}})?$")
    # Five digits and more are numbers, too, but no currency has them: say that, not "no number".
    long = text.str.contains(rf"^[+-]?{whole}{point}[0-9]{{5,}}$")
    plain = text.str.replace_all(thousands, "", literal=True) if thousands else text
    plain = plain.str.replace(decimal, ".", literal=True)
    short = pl.when(sound).then(plain).when(long).then(pl.lit("0"))
    scale = pl.when(sound).then(plain.str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0))
    return short.cast(MONEY), scale.when(long).then(pl.lit(99)).cast(pl.Int64)


@cache
def _times(date_format: str, zone: str) -> list[list[pl.Expr]]:
    """Steps to `booked_at` in UTC and `date`, the local day; both null where the text is no time.

    In steps, for an expression that is used twice would be computed twice.
    """
    text = pl.col("booked_at")
    steps: list[list[pl.Expr]] = []
    local: pl.Expr
    absolute: pl.Expr = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    if date_format == ISO_8601:
        part = [pl.col("_parts").struct.field(str(group)) for group in range(1, 6)]
        fraction = part[3].fill_null("0").str.pad_end(6, "0").str.slice(0, 6)
        clock = pl.concat_str(
            part[0], pl.lit(" "), part[1].fill_null("00:00"), pl.lit(":"),
            part[2].fill_null("00"), pl.lit("."), fraction,
        )  # fmt: skip
        zulu = part[4].str.replace("Z", "+00", literal=True).str.replace(":", "", literal=True)
        zulu = zulu.str.pad_end(5, "0")  # +02 is +0200
        steps += [
            [text.str.extract_groups(_ISO).alias("_parts")],
            [_datetime(clock, "%Y-%m-%d %H:%M:%S%.f").alias("_naive"), zulu.alias("_offset")],
        ]
        naive, offset = pl.col("_naive"), pl.col("_offset")
        local = pl.when(offset.is_null()).then(naive)
        minutes = offset.str.slice(1, 2).cast(pl.Int64) * 60 + offset.str.slice(3, 2).cast(pl.Int64)
        signed = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)
        absolute = (naive - pl.duration(minutes=signed)).dt.replace_time_zone("UTC")
    elif "%z" in date_format:
        local = pl.lit(None, dtype=pl.Datetime("us"))
        absolute = text.str.to_datetime(date_format, strict=False, time_unit="us", time_zone="UTC")
    elif set(re.findall(r"%[A-Za-z]", date_format)) & {"%H", "%I", "%k", "%l", "%T", "%R"}:
        local = _datetime(text, date_format)
    else:
        local = text.str.to_date(date_format, strict=False).cast(pl.Datetime("us"))
    day = pl.coalesce(
        pl.col("_local").dt.date(), pl.col("booked_at").dt.convert_time_zone(zone).dt.date()
    )
    sensible = pl.when(day.is_between(_EARLIEST, _LATEST) & pl.col("booked_at").is_not_null())
    return [
        *steps,
        [text.alias("_booked_text"), local.alias("_local")],
        [pl.coalesce(_in_zone(pl.col("_local"), zone), absolute).alias("booked_at")],
        [sensible.then(day).alias("date")],
    ]


def _datetime(text: pl.Expr, pattern: str) -> pl.Expr:
    return text.str.to_datetime(pattern, strict=False, time_unit="us")


def _in_zone(local: pl.Expr, zone: str) -> pl.Expr:
    """Local times in UTC. An hour that a clock change skips counts as the hour after it."""
    if zone == "UTC":
        return local.dt.replace_time_zone("UTC")
    placed = [
        moment.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        for moment in (local, local + pl.duration(hours=1))
    ]
    return pl.coalesce(placed).dt.convert_time_zone("UTC")
