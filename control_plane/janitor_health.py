"""`python -m control_plane.janitor_health`: exit code 0 if the janitor is alive and well."""

from __future__ import annotations

import sys

from control_plane.health import report

# A pass over much history takes a while, and nothing is noted meanwhile.
TOLERANCE_SECONDS = 3600

if __name__ == "__main__":
    sys.exit(report("janitor", TOLERANCE_SECONDS))
