"""Texts that a spreadsheet would run as a formula are made plain by an apostrophe before them."""

import polars as pl

_RUNS = r"^[=@\t\r\n＝＠]"
_SIGNED = r"^[+\-＋－]"
_NUMBER = r"^[+-][0-9]+(?:[.,][0-9]+)*$"


def neutralise(text: pl.Expr) -> pl.Expr:
    """`=cmd()` → `'=cmd()`, likewise `@`, tab, line ends, and a sign that begins no number.

    The warehouse has the same as `finance.plain_cell`.
    """
    runs = text.str.contains(_RUNS) | (text.str.contains(_SIGNED) & ~text.str.contains(_NUMBER))
    return pl.when(~runs).then(text).otherwise(pl.lit("'") + text)
