"""What runs and sensors write to their console: a line of JSON each, as the services' lines are.

`dagster api execute_run` knows no `--log-format`, and a run whose config names no logger gets
Dagster's coloured console; handlers in dagster.yaml would only come beside it, so that each event
were written twice. So the function that makes that console is replaced, in this one place, and a
test tells when upstream moves. Where a person looks (a terminal) the coloured one stays. What a
process says before it loads our code is not ours: the first line of a code server, or of a
multiprocess step.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import dagster._loggers as of_runs
from dagster._core.definitions import instigation_logger as of_sensors
from dagster._core.events import EVENT_TYPE_TO_DISPLAY_STRING
from dagster._core.log_manager import (
    DagsterLogRecordMetadata,
    get_log_record_metadata,
    has_log_record_metadata,
)

from user_code.settings import are_definitions_validated

_MAKER = "create_console_logger"


class JsonLines(logging.Formatter):
    """A record as one line: the services' fields, and which run, step and event it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, object] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if has_log_record_metadata(record):
            fields |= _of_run(get_log_record_metadata(record))
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def _of_run(about: DagsterLogRecordMetadata) -> dict[str, object]:
    found: dict[str, object] = {
        "event": about["orig_message"],
        "run_id": about["run_id"],
        "job": about["job_name"],
        "step": about["step_key"],
        "partition": about["job_tags"].get("dagster/partition"),
    }
    event = about["dagster_event"]
    if event is not None:
        found["event_type"] = EVENT_TYPE_TO_DISPLAY_STRING.get(
            event.event_type, event.event_type.value
        )
        error = getattr(event.event_specific_data, "error", None)
        if error is not None:
            found["exception"] = error.to_string()
    return {name: value for name, value in found.items() if value is not None}


def json_console(name: str, level: str | int) -> logging.Logger:
    """A logger that writes JSON lines to stderr, and belongs to no other."""
    logger = logging.getLoggerClass()(name, level=level)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    return logger


def write_json_lines() -> None:
    """Make this process write JSON lines, warnings too, unless its stderr is a terminal.

    Nor where definitions are validated: a person reads that, in the log of a build.

    Raises RuntimeError if Dagster makes its console in another way than it did.
    """
    for module in (of_runs, of_sensors):
        if not callable(getattr(module, _MAKER, None)):
            raise RuntimeError(
                f"{module.__name__} has no {_MAKER} any more: look at the new version of Dagster, "
                "then correct user_code/shared/json_lines.py"
            )
    if sys.stderr.isatty() or are_definitions_validated():
        return
    for module in (of_runs, of_sensors):
        setattr(module, _MAKER, json_console)
    for handler in logging.getLogger("dagster").handlers:  # the code server's
        handler.setFormatter(JsonLines())
    # Libraries and warnings. Without it Dagster's storage, which warns by the root logger, gives
    # that one a handler of its own, by which everything is said once more, as text.
    rest = logging.StreamHandler()
    rest.setFormatter(JsonLines())
    rest.addFilter(nobody_else_says)
    logging.getLogger().addHandler(rest)
    logging.captureWarnings(True)


def nobody_else_says(record: logging.LogRecord) -> bool:
    """Whether a record comes to the root logger without having been written on its way."""
    logger = logging.getLogger(record.name)
    while logger.parent is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return False
        logger = logger.parent
    return True
