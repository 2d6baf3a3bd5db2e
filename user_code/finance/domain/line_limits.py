"""Limits learnt from earlier days: what a score passes a few times a year, and likelihoods."""

import numpy as np
import numpy.typing as npt

from user_code.finance.domain.line_expectations import REFIT_DAYS, Expectations, Floats

_GRID = np.arange(-10, 10.01, 0.05)
_EDGES = np.append(_GRID - 0.025, _GRID[-1] + 0.025)
_REACH = 80
_MEMORY, _LEAST = 1000, 100
_FACTOR = float(np.log(10))


def tail_limit(scores: Floats, share: float, low: float = 0.8, high: float = 0.92) -> float:
    """What a part `share` of scores like these passes, were their tail exponential.

    Extrapolated from two quantiles and not from the largest ones: a few bad days that were left
    in the past would be the largest.
    """
    near, far = np.quantile(scores, [low, high])
    steepness = (far - near) / np.log((1 - low) / (1 - high))
    return float(far + steepness * np.log((1 - high) / share))


class TenfoldTest:
    """How much likelier a line's amount is as ten times a usual one than as itself."""

    def __init__(self, model: Expectations, amounts: Floats, learn: npt.NDArray[np.bool_]) -> None:
        # Days of a kind that strays far count for less, by the square root: a compromise between
        # trusting the kind of day and not.
        self._width = np.sqrt(model.scale / model.usual)
        self._scores = model.residual / self._width
        self._amounts = amounts
        self._learn = learn
        self._densities: dict[int, Floats] = {}
        self._fitted = -REFIT_DAYS

    def judge(self, at: int) -> tuple[float, int]:
        """Day → the largest logarithm of the likelihood ratio and its line; NaN if unknown.

        To be called day after day.
        """
        if at - self._fitted >= REFIT_DAYS:
            self._fit(at)
        best, line = np.nan, -1
        for each, density in self._densities.items():
            score = self._scores[at, each]
            if np.isnan(score):
                continue
            as_tenth, as_it_is = np.interp(
                [score - _FACTOR / self._width[at, each], score], _GRID, density
            )
            if not best >= as_tenth - as_it_is:
                best, line = float(as_tenth - as_it_is), each
        return best, line

    def _fit(self, at: int) -> None:
        self._fitted = at
        begin = max(0, at - _MEMORY)
        for line in range(self._scores.shape[1]):
            past = self._scores[begin:at, line][self._learn[begin:at]]
            past = past[~np.isnan(past)]
            if len(past) >= _LEAST:
                self._densities[line] = _log_density(past)


def _log_density(scores: Floats) -> Floats:
    """Logarithm of a heavy-tailed kernel density on the grid, with three broad points added."""
    count, _ = np.histogram(np.clip(scores, -9.9, 9.9), bins=_EDGES)
    kernel = 1 / (1 + (np.arange(-_REACH, _REACH + 1) * 0.05 / 0.2) ** 2) ** 2
    broad = 1 / (1 + (_GRID / 2) ** 2) ** 1.5
    smooth = np.convolve(count, kernel / kernel.sum(), "same") + 3 * broad / broad.sum()
    density: Floats = np.log(smooth / (len(scores) + 3))
    return density
