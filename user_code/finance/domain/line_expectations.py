"""What each line of a source should be on each day, and how far it usually strays: one step ahead.

A ridge regression per line on a log scale, over calendar features, robust (Huber) and with older
days counting less; a slow level follows what the calendar doesn't explain. How far a line strays
depends on the calendar, too: a second regression, on the size of the earlier errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from user_code.finance.domain.business_calendar import describe_days

Floats = npt.NDArray[np.float64]
DayKind = tuple[frozenset[int], str | None]
"""The weekdays on which the feed comes and its holiday calendar, as known on a day."""

REFIT_DAYS = 21
"""A model serves so many days before it is fitted again."""
_FIRST_FIT = 40
_LEAST_POINTS = 30
_WINDOW, _HALF_LIFE = 750, 375
_RIDGE, _SCALE_RIDGE = 8.0, 15.0
_LEVEL_RATE = 0.04
_MAD_TO_SIGMA = 1.4826
# Whole numbers of a unit are no finer than this.
_LEAST_SCALE = 0.02
# Keeps the logarithm of an error of zero finite.
_ERROR_FLOOR = 0.2
_SCALE_DAYS, _SCALE_WINDOW = 80, 500

PARAMETERS = {
    "window_days": _WINDOW,
    "half_life_days": _HALF_LIFE,
    "refit_days": REFIT_DAYS,
    "first_fit_days": _FIRST_FIT,
    "ridge": _RIDGE,
    "scale_ridge": _SCALE_RIDGE,
    "scale_window_days": _SCALE_WINDOW,
    "level_rate": _LEVEL_RATE,
}
"""What a model is fitted with: days are those of the feed."""


@dataclass(frozen=True)
class Expectations:
    """Arrays of days × lines; NaN where an amount isn't positive or its history is too short."""

    expected: Floats
    """Natural logarithm of the expected amount."""
    residual: Floats
    """Logarithm of observed / expected."""
    usual: Floats
    """The line's robust standard deviation of residuals, the same on all days."""
    scale: Floats
    """The same for this kind of day."""


def expect_lines(
    days: Sequence[date],
    amounts: Floats,
    learn: npt.NDArray[np.bool_],
    kinds: Sequence[DayKind],
) -> Expectations:
    """Days (sorted) and amounts (days × lines) → what was to be expected before each day.

    `learn` says which days may teach the later ones, `kinds[i]` what was known of the calendar
    before day i.
    """
    total, lines = amounts.shape
    logs = np.full(amounts.shape, np.nan)
    positive = amounts > 0
    logs[positive] = np.log(amounts[positive])
    expected, residual, usual, scale = (np.full(amounts.shape, np.nan) for _ in range(4))
    described: dict[DayKind, Floats] = {}
    for begin in range(_FIRST_FIT, total, REFIT_DAYS):
        kind = kinds[begin]
        if kind not in described:
            described[kind] = describe_days(days, *kind)
        features, end = described[kind], min(begin + REFIT_DAYS, total)
        past = slice(max(0, begin - _WINDOW), begin)
        errors = slice(max(0, begin - _SCALE_WINDOW), begin)
        for line in range(lines):
            taught = learn[past] & ~np.isnan(logs[past, line])
            if taught.sum() < _LEAST_POINTS:
                continue
            age = np.arange(begin - past.start)[::-1][taught]
            model = _fit(
                features[past][taught], logs[past, line][taught], 0.5 ** (age / _HALF_LIFE)
            )
            level = model.level
            calendar = features[begin:end] @ model.weights + model.centre
            for day in range(begin, end):
                expected[day, line] = calendar[day - begin] + level
                error = logs[day, line] - expected[day, line]
                if not np.isnan(error):
                    residual[day, line] = error
                    if learn[day]:
                        level += _LEVEL_RATE * np.clip(error, -2 * model.scale, 2 * model.scale)
            told = learn[errors] & ~np.isnan(residual[errors, line])
            strayed = residual[errors, line][told]
            if len(strayed) < _LEAST_POINTS:
                usual[begin:end, line] = scale[begin:end, line] = 1.5 * model.scale
                continue
            common = _MAD_TO_SIGMA * float(np.median(np.abs(strayed[-250:]))) + _LEAST_SCALE
            usual[begin:end, line] = scale[begin:end, line] = common
            if len(strayed) >= _SCALE_DAYS:
                size = np.log(np.abs(strayed) / usual[errors, line][told] + _ERROR_FLOOR)
                factor = _ridge(
                    features[errors][told], size - size.mean(), np.ones(len(size)), _SCALE_RIDGE
                )
                scale[begin:end, line] = common * np.exp(features[begin:end] @ factor)
    return Expectations(expected, residual, usual, scale)


@dataclass(frozen=True)
class _Model:
    centre: float
    weights: Floats
    scale: float
    level: float


def _fit(features: Floats, logs: Floats, weight: Floats) -> _Model:
    centre = float(np.median(logs[-250:]))
    scale = 0.0
    trust: Floats = weight
    for _ in range(3):
        weights = _ridge(features, logs - centre, trust, _RIDGE)
        error = logs - centre - features @ weights
        scale = _MAD_TO_SIGMA * float(np.median(np.abs(error))) + 1e-3
        trust = weight * np.clip(1.5 * scale / np.maximum(np.abs(error), 1e-9), 0, 1)
    level = 0.0
    for each in error[-60:]:
        level += _LEVEL_RATE * float(np.clip(each - level, -2 * scale, 2 * scale))
    return _Model(centre, weights, scale, level)


def _ridge(features: Floats, wanted: Floats, weight: Floats, penalty: float) -> Floats:
    """Weighted ridge regression; the first feature, the constant, is hardly held back."""
    penalties = np.full(features.shape[1], penalty)
    penalties[0] = 1e-3 if penalty == _RIDGE else penalty
    weighted = features.T * weight
    normal = weighted @ features + np.diag(penalties)
    return np.asarray(np.linalg.solve(normal, weighted @ wanted), dtype=np.float64)
