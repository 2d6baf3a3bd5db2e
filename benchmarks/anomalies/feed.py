"""The real feed as tables of line items: the Daily Treasury Statement's `today` column alone."""

from pathlib import Path

import polars as pl

_SERIES = {
    "ftd": ("deposit", "FTD's Received (Table IV)"),
    "customs": ("deposit", "Customs and Certain Excise Taxes"),
    "postal": ("deposit", "Postal Service"),
    "medicare": ("withdrawal", "Medicare"),
    "medicaid": ("withdrawal", "Medicaid"),
    "defense": ("withdrawal", "Defense Vendor Payments (EFT)"),
    "hhs_grants": ("withdrawal", "Health and Human Services Grants (misc)"),
    "education": ("withdrawal", "Education Department programs"),
}
_TOTALS = {
    "deposits": (
        "deposit",
        "Total Deposits (excluding transfers)",
        "Public Debt Cash Issues (Table III-B)",
    ),
    "withdrawals": (
        "withdrawal",
        "Total Withdrawals (excluding transfers)",
        "Public Debt Cash Redemp. (Table III-B)",
    ),
}


def read_feed(path: Path) -> pl.DataFrame:
    """The published file → date, side, item, amount; an item that is there twice is summed."""
    return (
        pl.read_csv(path, try_parse_dates=True)
        .group_by("date", "side", "item")
        .agg(pl.col("today_musd").cast(pl.Float64).sum().alias("amount"))
        .sort("date", "side", "item")
    )


def line_items(feed: pl.DataFrame) -> pl.DataFrame:
    """One source of all items but those that are sums of others."""
    return feed.filter(~pl.col("item").str.starts_with("Total")).select(
        "date",
        pl.lit("treasury").alias("source"),
        (pl.col("side") + " " + pl.col("item")).alias("line"),
        "amount",
    )


def single_series(feed: pl.DataFrame) -> pl.DataFrame:
    """Ten sources of one line each: two totals less public debt cash, and eight items."""
    parts = [
        feed.filter(side=side, item=item).select(
            "date", pl.lit(name).alias("source"), pl.lit("amount").alias("line"), "amount"
        )
        for name, (side, item) in _SERIES.items()
    ]
    for name, (side, total, debt) in _TOTALS.items():
        sums = feed.filter(side=side, item=total).join(
            feed.filter(side=side, item=debt), on="date", suffix="_debt"
        )
        parts.append(
            sums.select(
                "date",
                pl.lit(name).alias("source"),
                pl.lit("amount").alias("line"),
                pl.col("amount") - pl.col("amount_debt"),
            )
        )
    return pl.concat(parts).sort("source", "date")
