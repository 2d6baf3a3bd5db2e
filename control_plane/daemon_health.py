"""`python -m control_plane.daemon_health`: exit code 0 if every part of the daemon is alive.

The daemon itself compares the heartbeats in Postgres with the time, tolerating 75 s, and notes the
outcome every few seconds; here it must have done so lately.
"""

from __future__ import annotations

import sys

from control_plane.health import report

# The daemon notes its health every 10 s; a busy host may stretch that.
TOLERANCE_SECONDS = 45

if __name__ == "__main__":
    sys.exit(report("daemon", TOLERANCE_SECONDS))
