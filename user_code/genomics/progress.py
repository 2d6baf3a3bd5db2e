"""How far a pass is, in the run's log: a line every few seconds, never a line per block."""

import logging
import time

from user_code.genomics.domain.qc_pass import Progress

_SECONDS = 5.0


def log_progress(log: logging.Logger, every_seconds: float = _SECONDS) -> Progress:
    """A callback that logs records done, rate and time left, at most once in `every_seconds`."""
    started = last = time.monotonic()

    def tell(done: int, whole: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if done != whole and now - last < every_seconds:
            return
        last = now
        rate = done / max(now - started, 1e-6)
        left = f", {(whole - done) / rate:.0f} s left" if whole and rate else ""
        log.info(f"{done:,} of {whole or done:,} records, {rate:,.0f} a second{left}")

    return tell
