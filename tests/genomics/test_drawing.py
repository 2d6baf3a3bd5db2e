"""Pictures: what is drawn is where the axes say, and stays small."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from user_code.genomics.domain.drawing import Axes

SVG = "{http://www.w3.org/2000/svg}"


def labels(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314  # our own


def places(svg: str, colour: str) -> list[tuple[float, float]]:
    """Where the dots of a colour are, in pixels."""
    paths = ElementTree.fromstring(svg).iter(f"{SVG}path")  # noqa: S314  # our own
    drawn = next(path for path in paths if path.get("stroke") == colour)
    found = re.findall(r"M(\S+) (\S+)h0", drawn.get("d", ""))
    return [(float(x), float(y)) for x, y in found]


def test_points_lie_between_round_ticks() -> None:
    axes = Axes("a < b", "across", "up")
    axes.points([0, 5, 10], [2.0, 3.0, 4.0], "red", "usual")
    svg = axes.svg()
    assert {"a < b", "across", "up", "usual", "0", "10", "2", "2.5", "4"} <= set(labels(svg))
    assert places(svg, "red") == [(76, 348), (423, 192), (770, 36)]
    assert axes.svg() == svg


def test_a_logarithmic_axis_has_a_place_for_none() -> None:
    axes = Axes("", "", "", log_y=True)
    axes.bars([0, 1, 2], 1, 0, [0, 1, 1000], "red")
    svg = axes.svg()
    assert labels(svg)[-5:] == ["0", "1", "10", "100", "1000"]
    # Nothing for 0; 1 is a quarter of the height, 1,000 all of it.
    path = re.search(r'd="([^"]*)" fill="red"', svg)
    assert path
    assert re.findall(r"V([\d.]+)H", path[1]) == ["270.0", "36.0"]


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [0.25, 0.25]], ids=str)
def test_no_spread_is_drawn_too(values: list[float]) -> None:
    axes = Axes("", "", "")
    axes.points(values, values, "red")
    assert len(places(axes.svg(), "red")) == min(1, np.isfinite(values).sum())


def test_very_many_points_make_no_large_picture() -> None:
    chance = np.random.default_rng(1)
    axes = Axes("", "", "")
    axes.points(chance.random(200_000), chance.random(200_000), "red")
    assert len(axes.svg()) < 200_000
