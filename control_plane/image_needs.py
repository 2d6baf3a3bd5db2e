"""`python -m control_plane.image_needs IMAGE`: how many unfinished runs have IMAGE in their record.

For `deploy/old_images.sh`. Asked with the role `dagster`, as whom runs write these tables: asked by
a superuser, a view that hostile code in a run put in a table's place would work for it as that one.
"""

from __future__ import annotations

import sys
from contextlib import closing

import psycopg2

from control_plane.old_history import FINISHED
from control_plane.settings import SettingsError, settings

_NEEDED = """
SELECT count(*) FROM runs
WHERE status <> ALL(%s) AND strpos(run_body, '"' || %s || '"') > 0
"""


def runs_that_need(dsn: str, image: str) -> int:
    """How many runs that wait or go on name `image`. Raises psycopg2.Error."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(_NEEDED, (list(FINISHED), image))
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def main() -> int:
    """Print the count for the one argument; 1 and one line if it can't be known."""
    if len(sys.argv) != 2:
        sys.exit("python -m control_plane.image_needs IMAGE")
    try:
        print(runs_that_need(settings().dagster_dsn(), sys.argv[1]))
    except (SettingsError, psycopg2.Error) as error:
        print(f"image_needs: {str(error).strip()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
