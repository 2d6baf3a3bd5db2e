"""What our services say, on stderr: a line of JSON each, with the fields of Dagster's own."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """A record as one line: event, logger, level, timestamp, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def service_log(name: str) -> logging.Logger:
    """The logger `assay.<name>`, writing to stderr by itself.

    Not by way of the root logger: Dagster's loggers have a handler of their own and would say
    everything twice.
    """
    ours = logging.getLogger("assay")
    if not ours.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
    return ours.getChild(name)


def write_the_rest_so_too() -> None:
    """What libraries say by no logger of ours or Dagster's becomes lines of JSON, too.

    Dagster's storage warns by the root logger. Where that has no handler Python gives it one, by
    which everything is said once more from then on, as text.
    """
    rest = logging.StreamHandler()
    rest.setFormatter(JsonLines())
    rest.addFilter(nobody_else_says)
    logging.getLogger().addHandler(rest)


def nobody_else_says(record: logging.LogRecord) -> bool:
    """Whether a record comes to the root logger without having been written on its way."""
    logger = logging.getLogger(record.name)
    while logger.parent is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return False
        logger = logger.parent
    return True
