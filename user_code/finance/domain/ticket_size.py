"""The mean amount of a day's transactions: what shows that amounts came in another unit.

Totals and counts move with the weekday, with holidays and with growth. The mean amount hardly does:
cents read as euros make it a hundred times larger whatever the day, which a total, on a restless
feed, can hide.
"""

import math
from statistics import median

_MAD_TO_SIGMA = 1.4826
_DAYS = 60
_LEAST_HISTORY = 20
# A feed as still as this strays by chance.
_LEAST_SPREAD = 0.05
_SIGMAS = 4.1
# Ten times more or less is 2.3; real days of a feed hardly pass half of it.
_LEAST_SHIFT = math.log(4)


class TicketSize:
    """The mean amounts of a series so far, on a log scale. A day is judged by those before it."""

    def __init__(self) -> None:
        self._logs: list[float] = []

    def judge(self, total: float, count: float, *, learn: bool) -> float | None:
        """Robust standard deviations by which the day looks like another unit; None if it doesn't.

        Afterwards, to `learn`, the day is one of those before. A total or count of nought or less
        says nothing.
        """
        if not (total > 0 and count > 0):
            return None
        log = math.log(total / count)
        past = self._logs[-_DAYS:]
        if learn:
            self._logs.append(log)
        if len(past) < _LEAST_HISTORY:
            return None
        centre = median(past)
        strayed = log - centre
        spread = max(_MAD_TO_SIGMA * median(abs(each - centre) for each in past), _LEAST_SPREAD)
        far = abs(strayed) > max(_SIGMAS * spread, _LEAST_SHIFT)
        return strayed / spread if far else None
