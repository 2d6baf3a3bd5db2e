"""Waiting with a deadline: no test here sleeps for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T], seconds: float, every: float = 0.5) -> T:
    """Call `probe` until it returns something true, and return that.

    `seconds` is the deadline, `every` the pause between calls (seconds). An exception of the
    probe counts as "not yet", for services come and go. AssertionError at the deadline says
    what was waited for and what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen: object = probe()
            if seen:
                return seen  # type: ignore[return-value]
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; last seen: {str(seen)[:2000]}")
        time.sleep(every)
