"""How far a pass is: a line every few seconds in a run's log, a bar on a terminal."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A callback that draws a bar with rate and time left on standard error, if a person sees it.

    Nothing is drawn into a file or a pipe.
    """
    from tqdm import tqdm  # only the command line draws

    # None: not where standard error is no terminal.
    with tqdm(disable=None, unit=" records", unit_scale=True, file=sys.stderr) as bar:

        def tell(done: int, whole: int | None) -> None:
            bar.total = whole
            bar.update(done - bar.n)

        yield tell
