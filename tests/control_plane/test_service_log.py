"""Our services' lines can be read by a program."""

from __future__ import annotations

import json
import logging
import sys

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
