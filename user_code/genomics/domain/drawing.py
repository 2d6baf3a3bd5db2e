"""How all pictures of this domain look: one size, one style, drawn as SVG.

Pictures are few and plain; a plotting library takes longer to load than a call set to read.
"""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

PASS, ODD, GREY = "#2a6f97", "#e07a5f", "#b3b3b3"
_WIDTH, _HEIGHT = 800, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 770, 36, 348
_MOST_POINTS = 8_000  # drawn; of points that cover each other only one is
_TICKS = 7


class Axes:
    """A picture's frame, to which bars, points and lines are added; `svg` is the picture.

    The axes reach as far as what was added. With `log_y` the vertical one is linear up to 1 and
    logarithmic above it, so that 0 has a place.
    """

    def __init__(self, title: str, x: str, y: str, *, log_y: bool = False) -> None:
        self._title, self._x, self._y, self._log_y = title, x, y, log_y
        self._bars: list[tuple[NDArray[np.float64], float, str]] = []
        self._points: list[tuple[NDArray[np.float64], str, int]] = []
        self._lines: list[tuple[NDArray[np.float64], str]] = []
        self._legend: list[tuple[str, str]] = []
        self._across: list[float] = []
        self._up: list[float] = []

    def bars(
        self, left: ArrayLike, width: float, low: ArrayLike, high: ArrayLike, colour: str,
        label: str = "",
    ) -> None:  # fmt: skip
        """Bars from `low` to `high`, each as wide as `width`."""
        bars = _columns(left, low, high)
        self._bars.append((bars, width, colour))
        self._reach(bars[:, 0], bars[:, 1:].ravel())
        self._reach(bars[:, 0] + width, np.empty(0))
        self._name(label, colour)

    def points(
        self, x: ArrayLike, y: ArrayLike, colour: str, label: str = "", size: int = 4
    ) -> None:
        """Dots, `size` pixels wide."""
        points = _columns(x, y)
        self._points.append((points, colour, size))
        self._reach(points[:, 0], points[:, 1])
        self._name(label, colour)

    def line(self, x: ArrayLike, y: ArrayLike, colour: str) -> None:
        places = _columns(x, y)
        self._lines.append((places, colour))
        self._reach(places[:, 0], places[:, 1])

    def svg(self) -> str:
        """The picture; the same text for the same data."""
        self._x_ticks = _ticks(np.array(self._across))
        self._y_ticks = _ticks(self._height(np.array(self._up)), whole=self._log_y)
        parts = [self._frame()]
        for places, colour in self._lines:
            at = " ".join(f"{x:.1f},{y:.1f}" for x, y in self._placed(places))
            parts.append(f'<polyline points="{at}" fill="none" stroke="{colour}"/>')
        for bars, width, colour in self._bars:
            low, high = self._placed(bars[:, [0, 1]]), self._placed(bars[:, [0, 2]])
            right = self._placed(bars[:, [0, 1]] + [width, 0])
            path = "".join(
                f"M{x:.1f} {y0:.1f}V{y1:.1f}H{x1:.1f}V{y0:.1f}z"
                for (x, y0), (_, y1), (x1, _) in zip(low, high, right, strict=True)
                if y1 < y0
            )
            parts.append(f'<path d="{path}" fill="{colour}"/>')
        for points, colour, size in self._points:
            path = "".join(f"M{x:g} {y:g}h0" for x, y in _thinned(self._placed(points)))
            parts.append(
                f'<path d="{path}" stroke="{colour}" stroke-width="{size}" stroke-linecap="round"/>'
            )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
            f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="13" role="img">'
            f'<title>{escape(self._title)}</title><rect width="100%" height="100%" fill="white"/>'
            f"{''.join(parts)}</svg>"
        )

    def _name(self, label: str, colour: str) -> None:
        if label:
            self._legend.append((label, colour))

    def _reach(self, across: NDArray[np.float64], up: NDArray[np.float64]) -> None:
        for known, values in ((self._across, across), (self._up, up)):
            finite = values[np.isfinite(values)]
            known.extend([float(finite.min()), float(finite.max())] if finite.size else [])

    def _height(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(y > 1, 1 + np.log10(np.maximum(y, 1)), y) if self._log_y else y

    def _placed(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels of points."""
        x = _on(xy[:, 0], self._x_ticks, _LEFT, _RIGHT)
        return np.column_stack([x, _on(self._height(xy[:, 1]), self._y_ticks, _BOTTOM, _TOP)])

    def _frame(self) -> str:
        middle, centre = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
        text = [
            f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="black"/>',
            f'<text x="{middle}" y="22" text-anchor="middle" font-size="16">'
            f"{escape(self._title)}</text>",
            f'<text x="{middle}" y="390" text-anchor="middle">{escape(self._x)}</text>',
            f'<text x="16" y="{centre}" text-anchor="middle" '
            f'transform="rotate(-90 16 {centre})">{escape(self._y)}</text>',
        ]
        for value in self._x_ticks:
            x = _on(value, self._x_ticks, _LEFT, _RIGHT)
            text.append(
                f'<path d="M{x:.1f} {_BOTTOM}v5" stroke="black"/>'
                f'<text x="{x:.1f}" y="{_BOTTOM + 20}" text-anchor="middle">{value:.6g}</text>'
            )
        for value in self._y_ticks:
            y = _on(value, self._y_ticks, _BOTTOM, _TOP)
            shown = 10 ** (value - 1) if self._log_y and value >= 1 else value
            text.append(
                f'<path d="M{_LEFT} {y:.1f}h-5" stroke="black"/>'
                f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{shown:.6g}</text>'
            )
        for number, (label, colour) in enumerate(self._legend):
            row = _TOP + 8 + 18 * number
            text.append(
                f'<rect x="{_RIGHT - 170}" y="{row - 9}" width="10" height="10" fill="{colour}"/>'
                f'<text x="{_RIGHT - 154}" y="{row}">{escape(label)}</text>'
            )
        return "".join(text)


def _columns(*values: ArrayLike) -> NDArray[np.float64]:
    arrays = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in values))
    return np.column_stack([np.atleast_1d(array) for array in arrays])


def _on(values: ArrayLike, ticks: Sequence[float], start: float, end: float) -> NDArray[np.float64]:
    share = (np.asarray(values, np.float64) - ticks[0]) / (ticks[-1] - ticks[0])
    return start + share * (end - start)


def _ticks(values: NDArray[np.float64], whole: bool = False) -> list[float]:
    """Round numbers, equally far apart, from not above the least value to not below the most."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / _TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    if whole:
        step = max(1.0, step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _thinned(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of dots on the same few pixels one, on coarser pixels if there are very many."""
    places = places[np.isfinite(places).all(axis=1)]
    grid = 0.5
    while len(found := np.unique(np.round(places / grid), axis=0)) > _MOST_POINTS:
        grid *= 2
    return np.asarray(found * grid, np.float64)
