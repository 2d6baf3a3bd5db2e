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
