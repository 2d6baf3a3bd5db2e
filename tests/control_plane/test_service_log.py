"""Our services' lines can be read by a program."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

from control_plane.service_log import JsonLines


def test_a_line_is_json_with_dagsters_fields_and_the_traceback() -> None:
    try:
        raise ValueError("of no use")
    except ValueError:
        record = logging.LogRecord(
            "assay.alerter", logging.WARNING, "", 0, "%d\nlines", (2,), sys.exc_info()
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["event"], said["logger"], said["level"]) == (
        "2\nlines",
        "assay.alerter",
        "warning",
    )
    assert said["timestamp"].endswith("+00:00")
    assert "ValueError: of no use" in said["exception"]


_WARNS_AS_DAGSTERS_STORAGE = """
import logging
from dagster._utils.log import configure_loggers
from control_plane.service_log import service_log, write_the_rest_so_too
write_the_rest_so_too()
configure_loggers(formatter="json")
logging.warning("Postgres is away")
logging.getLogger("dagster.daemon").info("once")
service_log("daemon").info("once")
"""


def test_a_warning_of_dagsters_storage_is_json_and_makes_nothing_be_said_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WARNS_AS_DAGSTERS_STORAGE],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted((line["logger"], line["event"]) for line in lines) == [
        ("assay.daemon", "once"),
        ("dagster.daemon", "once"),
        ("root", "Postgres is away"),
    ]
