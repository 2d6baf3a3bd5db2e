"""Forecasts of other tools, one step ahead. Run by the benchmark in an environment of their own.

    python forecasts.py TOOL IN.csv OUT.csv

IN: series, date, value (positive), sorted. OUT: series, date, expected, for the days from the
250th on. Values go in as logarithms. A model is fitted every 63 days, to at most three years;
between fits it is told each new value, but for Prophet, which cannot be: it forecasts the stretch.
"""

import logging
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd

FIRST, REFIT, WINDOW = 250, 63, 750
WEEK, MONTH = 5, 21  # business days


def stl(_: Any, logs: Any) -> Any:
    """statsmodels' STL: the trend's end and the season a week ago, decomposed anew each week."""
    from statsmodels.tsa.seasonal import STL

    expected = np.full(len(logs), np.nan)
    for begin in range(FIRST, len(logs), WEEK):
        parts = STL(logs[max(0, begin - WINDOW) : begin], period=WEEK, robust=True).fit()
        for at in range(begin, min(begin + WEEK, len(logs))):
            expected[at] = parts.trend[-1] + parts.seasonal[at - begin - WEEK]
    return expected


def _statsforecast(model: Any, logs: Any) -> Any:
    expected = np.full(len(logs), np.nan)
    for begin in range(FIRST, len(logs), REFIT):
        start = max(0, begin - WINDOW)
        model.fit(logs[start:begin])
        for at in range(begin, min(begin + REFIT, len(logs))):
            expected[at] = model.forward(logs[start:at], h=1)["mean"][0]
    return expected


def mstl(_: Any, logs: Any) -> Any:
    """statsforecast's MSTL with the week and the month."""
    from statsforecast.models import MSTL

    return _statsforecast(MSTL(season_length=[WEEK, MONTH]), logs)


def autoets(_: Any, logs: Any) -> Any:
    """statsforecast's AutoETS with the week."""
    from statsforecast.models import AutoETS

    return _statsforecast(AutoETS(season_length=WEEK), logs)


def prophet(dates: Any, logs: Any) -> Any:
    """Prophet with yearly and weekly season and the holidays of the United States."""
    from prophet import Prophet

    logging.disable(logging.INFO)  # two lines for each fit
    expected = np.full(len(logs), np.nan)
    for begin in range(FIRST, len(logs), REFIT):
        past = slice(max(0, begin - WINDOW), begin)
        stretch = slice(begin, min(begin + REFIT, len(logs)))
        model = Prophet(uncertainty_samples=0)
        model.add_country_holidays("US")
        model.fit(pd.DataFrame({"ds": dates[past], "y": logs[past]}))
        expected[stretch] = model.predict(pd.DataFrame({"ds": dates[stretch]}))["yhat"]
    return expected


def main(tool: str, source: str, target: str) -> None:
    """Forecasts each series of the file and writes them to another."""
    warnings.simplefilter("ignore")
    done = []
    for name, rows in pd.read_csv(source, parse_dates=["date"]).groupby("series"):
        logs = np.log(rows["value"].to_numpy())
        expected = globals()[tool](rows["date"].to_numpy(), logs)
        done.append(rows.assign(series=name, expected=np.exp(expected)).dropna())
    pd.concat(done)[["series", "date", "expected"]].to_csv(target, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
