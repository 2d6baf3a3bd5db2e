"""Pictures of what was expected and what came, as PNG bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from user_code.finance.domain.contracts import HISTORICAL_DATA

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The most days a picture can show so that one day is still seen.
_DAYS = 400
_MOST_PANELS = 8
_BAND_SIGMAS = 3
_MOST_FINDINGS, _MOST_LINES = 4, 8


def plot_against_expected(model: pl.DataFrame, findings: pl.DataFrame) -> bytes:
    """ANOMALY_MODEL and ANOMALY_DETECTION → a PNG: a panel per source and currency, 400 days.

    The total of all lines' sizes, the band of three standard deviations of it (were the lines
    independent of each other), and the flagged days. At most eight panels, the largest totals.
    """
    days = _totals(model)
    largest = (
        days.group_by("source", "currency")
        .agg(pl.col("observed").sum())
        .sort("observed", "source", "currency", descending=[True, False, False])
        .head(_MOST_PANELS)
        .sort("source", "currency")
    )
    figure = _figure(largest.height)
    for panel, (source, currency, _) in zip(figure.axes, largest.iter_rows(), strict=False):
        mine = (pl.col("source") == source) & (pl.col("currency") == currency)
        shown = days.filter(mine).sort("date").tail(_DAYS)
        known = shown.filter(pl.col("expected") > 0)
        spread = _BAND_SIGMAS * known["spread"]
        panel.fill_between(
            known["date"].to_list(),
            (known["expected"] - spread).clip(lower_bound=0).to_list(),
            (known["expected"] + spread).to_list(),
            color="tab:blue",
            alpha=0.2,
            lw=0,
        )
        panel.plot(shown["date"].to_list(), shown["observed"].to_list(), lw=1)
        flagged = findings.filter(mine & (pl.col("date") >= (shown["date"].min() or None)))
        sizes = flagged.select("date").join(shown, on="date", how="left")["observed"]
        panel.scatter(
            flagged["date"].to_list(), sizes.fill_null(0).to_list(), color="tab:red", s=18, zorder=3
        )
        panel.set_title(f"{source}, {currency}: expected and observed", fontsize=9, loc="left")
    return _png(figure)


def plot_contributions(model: pl.DataFrame, findings: pl.DataFrame) -> bytes | None:
    """The same → a PNG of the newest findings: what each line added to or took from the expected.

    At most four findings, eight lines each. None if there is no finding with expected lines.
    """
    key = list(HISTORICAL_DATA.key)
    moved = model.filter(pl.col("expected").is_not_null()).with_columns(
        (pl.col("observed").fill_null(0) - pl.col("expected")).alias("moved")
    )
    told = findings.select(*key, "kind").join(moved, on=key).sort("date", descending=True)
    days = told.select(*key, "kind").unique(maintain_order=True).head(_MOST_FINDINGS)
    if days.is_empty():
        return None
    figure = _figure(days.height)
    for panel, (day, source, currency, kind) in zip(figure.axes, days.iter_rows(), strict=False):
        mine = (pl.col("source") == source) & (pl.col("currency") == currency)
        lines = (
            told.filter(mine & (pl.col("date") == day))
            .sort(pl.col("moved").abs(), descending=True)
            .head(_MOST_LINES)
            .reverse()
        )
        values = lines["moved"].to_list()
        colours = ["tab:red" if value < 0 else "tab:blue" for value in values]
        panel.barh([name[:40] for name in lines["line"]], values, color=colours)
        panel.axvline(0, color="black", lw=0.5)
        panel.set_title(
            f"{source}, {currency}, {day}, {kind}: more or less than expected",
            fontsize=9,
            loc="left",
        )
    return _png(figure)


def _totals(model: pl.DataFrame) -> pl.DataFrame:
    """A row per date, source, currency: sums of what came and was expected, and the spread."""
    came = pl.col("observed").is_not_null()
    return (
        model.group_by(HISTORICAL_DATA.key)
        .agg(
            pl.col("observed").sum(),
            pl.col("expected").filter(came).sum(),
            (pl.col("expected") * pl.col("scale")).filter(came).pow(2).sum().sqrt().alias("spread"),
        )
        .sort(HISTORICAL_DATA.key)
    )


def _figure(panels: int) -> Figure:
    # Half a second to load: only who draws waits for it. The figure has no global state.
    from matplotlib.figure import Figure

    count = max(panels, 1)
    figure = Figure(figsize=(8, 0.6 + 1.6 * count), dpi=80, layout="tight")
    for panel in figure.subplots(count, 1, squeeze=False)[:, 0]:
        panel.tick_params(labelsize=8)
    return figure


def _png(figure: Figure) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()
