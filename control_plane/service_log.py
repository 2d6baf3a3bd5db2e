"""What our services say, on stderr, in lines of one form."""

from __future__ import annotations

import logging


def service_log(name: str) -> logging.Logger:
    """The logger `assay.<name>`, writing to stderr by itself.

    Not by way of the root logger: Dagster's loggers have a handler of their own and would say
    everything twice.
    """
    ours = logging.getLogger("assay")
    if not ours.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
    return ours.getChild(name)
