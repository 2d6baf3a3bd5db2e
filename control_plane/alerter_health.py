"""`python -m control_plane.alerter_health`: exit code 0 if the alerter has looked lately.

A channel that refuses an alert does not make the alerter ill: the alert is tried again, and
`python -m control_plane.alerts` shows it. A warehouse that cannot be read does.
"""

from __future__ import annotations

import sys

from control_plane.health import report

# It looks every few seconds; sending through a slow channel takes its time.
TOLERANCE_SECONDS = 120

if __name__ == "__main__":
    sys.exit(report("alerter", TOLERANCE_SECONDS))
