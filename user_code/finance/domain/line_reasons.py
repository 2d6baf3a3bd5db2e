"""What a finding looks like, which lines drive it, and that in words."""

import math
from collections.abc import Sequence

import numpy as np

from user_code.finance.domain.line_expectations import Floats

_KINDS = {0.5: "half", 2.0: "double"} | dict.fromkeys((0.001, 0.01, 0.1, 10.0, 100.0, 1e3), "unit")
# How far from such a factor (logarithm) a day may be and still look like it.
_NEAR = 0.35
_LOOKS_LIKE = {
    "half": "it looks like half of the feed",
    "double": "it looks like a day delivered twice",
    "unit": "it looks like amounts in another unit",
    "outage": "nothing or nearly nothing came: an outage",
    "mix": "a part of the lines is missing or differs",
    "line": "a single line is far from what it was on such days",
}


def kind_of_factor(log_factor: float) -> str | None:
    """half, double or unit, if observed / expected is near such a factor; None otherwise."""
    factor = min(_KINDS, key=lambda each: abs(math.log(each) - log_factor))
    return _KINDS[factor] if abs(math.log(factor) - log_factor) <= _NEAR else None


def driving_lines(
    names: Sequence[str], expected: Floats, observed: Floats, among: Sequence[int]
) -> list[str]:
    """At most five of the lines, those that moved the day's total most first."""
    moved = sorted(among, key=lambda n: (-abs(float(observed[n] - expected[n])), names[n]))
    return [names[n] for n in moved[:5] if not np.isclose(observed[n], expected[n])]


def say(
    kind: str, expected: float, observed: float, drivers: Sequence[str], shift: float | None
) -> str:
    """The finding in one sentence; `shift` is the logarithm of the factor common to all lines."""
    if shift is not None and kind not in ("mix", "outage") and not math.isnan(shift):
        what = f"the lines are {math.exp(shift):.3g} times what was expected of them"
    elif expected > 0:
        what = f"the amount is {observed / expected:.3g} times what was expected"
    else:
        what = "the amount was not expected"
    led = f", led by {', '.join(drivers[:3])}" if drivers else ""
    return f"{what}{led}: {_LOOKS_LIKE[kind]}"
