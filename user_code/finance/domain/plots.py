"""Pictures of the financial tables, as PNG bytes."""

import io

import polars as pl

# The most days a picture can show so that one day is still seen.
_DAYS = 400


def plot_daily_totals(history: pl.DataFrame) -> bytes:
    """HISTORICAL_DATA → a PNG: one panel per source and currency, the last 400 days.

    At most eight panels, the largest by count.
    """
    # Half a second to load: only who draws waits for it. The figure has no global state.
    from matplotlib.figure import Figure

    largest = (
        history.group_by("source", "currency")
        .agg(pl.col("transaction_count").sum())
        .sort("transaction_count", "source", "currency", descending=[True, False, False])
        .head(8)
        .sort("source", "currency")
    )
    figure = Figure(figsize=(8, 0.6 + 1.6 * max(largest.height, 1)), dpi=80, layout="tight")
    panels = figure.subplots(max(largest.height, 1), 1, squeeze=False)[:, 0]
    for panel, (source, currency, _) in zip(panels, largest.iter_rows(), strict=False):
        mine = (pl.col("source") == source) & (pl.col("currency") == currency)
        days = history.filter(mine).sort("date").tail(_DAYS)
        panel.plot(days["date"].to_list(), days["total_amount"].cast(pl.Float64).to_list(), lw=1)
        panel.set_title(f"{source}, {currency}: total of each day", fontsize=9, loc="left")
        panel.tick_params(labelsize=8)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()
