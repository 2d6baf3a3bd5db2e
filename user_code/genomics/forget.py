"""`python -m user_code.genomics.forget CALL_SET`: remove all that was made of a call set.

For a withdrawn consent. Whoever owns the landing zone's files removes those first (`make forget`
does); the rest follows here: files, quarantine, report and exports, rows, runs with their pictures
and logs, the partition. Cut short, it is simply run again: what is gone is no error.

What stays is one line by asset in `ops.partition_commits`, with FORGOTTEN as the run. It also
stops a run that still computes on the call set: an attempt that began earlier can't publish.
"""

import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import psycopg2
from psycopg2 import sql

from user_code.genomics.assets import CALL_SETS, call_set_qc
from user_code.genomics.cohort_export import cohort_export
from user_code.genomics.domain.call_set import landed_paths
from user_code.genomics.quarantine import DOMAIN, alert_key, quarantine_paths
from user_code.settings import SettingsError, settings
from user_code.shared.alerts import close_alert
from user_code.shared.partition_keys import check_partition_key
from user_code.shared.reports import report_path
from user_code.shared.warehouse import Warehouse

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

FORGOTTEN = "forgotten"
ASSETS = tuple(
    sorted(key.to_user_string() for asset in (call_set_qc, cohort_export) for key in asset.keys)
)
_TABLES = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = %s AND column_name = 'call_set' ORDER BY table_name
"""


class StillThereError(RuntimeError):
    """It can't be forgotten yet; the message says what to do first."""


@dataclass
class Removed:
    """What was removed: files (relative paths), rows by table, how many runs, the partition."""

    files: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    partition: bool = False

    def lines(self) -> list[str]:
        """For a person; empty if there was nothing."""
        rows = [f"warehouse: {count:,} rows of {name}" for name, count in self.rows.items()]
        runs = [f"runs: {self.runs}, with their pictures and logs"] if self.runs else []
        return [*self.files, *rows, *runs, *(["the partition"] if self.partition else [])]


def forget(
    warehouse: Warehouse, instance: dg.DagsterInstance, base: Path, landing: Path, call_set: str
) -> Removed:
    """Remove it from data/, quarantine/ and reports/ below `base`, the warehouse, and Dagster.

    `landing` is the folder landing/genomics. Raises StillThereError, before anything is removed,
    while the call set lies there or a run on it hasn't ended; PartitionKeyError for a name that
    none can have.
    """
    check_partition_key(call_set)
    if left := landed_paths(landing, call_set):
        names = ", ".join(path.name for path in left)
        raise StillThereError(f"{names} is in {landing}: remove it first, or it is computed again")
    of_it = dg.RunsFilter(tags={"dagster/partition": call_set})
    runs = [
        run
        for run in instance.get_runs(filters=of_it)
        if {key.to_user_string() for key in run.asset_selection or ()} & set(ASSETS)
        or run.job_name in ("genomics_call_set", "genomics_export")
    ]
    if busy := [run.run_id for run in runs if not run.is_finished]:
        raise StillThereError(
            f"run {busy[0]} on {call_set} hasn't ended: wait, or terminate it in the UI, then again"
        )
    removed = Removed()
    with warehouse.transaction() as cursor:
        _close_the_fence(cursor, call_set)
        for table in _tables(cursor):
            name = sql.Identifier(DOMAIN, table)
            cursor.execute(sql.SQL("DELETE FROM {} WHERE call_set = %s").format(name), (call_set,))
            if cursor.rowcount:
                removed.rows[f"{DOMAIN}.{table}"] = cursor.rowcount
        cursor.execute(
            "DELETE FROM shared.landed_files WHERE sensor = %s AND partition = %s",
            (f"{DOMAIN}_landing", call_set),
        )
        close_alert(cursor, alert_key(call_set))
        for path in _files(base, call_set):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            removed.files.append(str(path.relative_to(base)))
    for run in runs:
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        instance.delete_run(run.run_id)
    removed.runs = len(runs)
    if instance.has_dynamic_partition(str(CALL_SETS.name), call_set):
        instance.delete_dynamic_partition(str(CALL_SETS.name), call_set)
        removed.partition = True
    return removed


def _close_the_fence(cursor: "Cursor", call_set: str) -> None:
    """From now on the newest attempt at each asset is this one. Waits for a writer to end."""
    for asset in ASSETS:
        cursor.execute(
            "INSERT INTO ops.partition_commits (asset, partition, run_id, started_at, committed_at)"
            " VALUES (%s, %s, %s, clock_timestamp(), clock_timestamp())"
            " ON CONFLICT (asset, partition) DO UPDATE SET run_id = excluded.run_id,"
            " started_at = clock_timestamp(), committed_at = clock_timestamp()",
            (asset, call_set, FORGOTTEN),
        )


def _tables(cursor: "Cursor") -> list[str]:
    """Tables that may have rows of it; whichever have the column, so that none is overlooked."""
    cursor.execute(_TABLES, (DOMAIN,))
    return [name for (name,) in cursor.fetchall()]


def _files(base: Path, call_set: str) -> list[Path]:
    """All that lies below `base` under its name, unfinished files included."""
    data = base / "data" / DOMAIN
    found = [
        path
        for folder in (sorted(data.iterdir()) if data.is_dir() else ())
        for pattern in (f"{call_set}.parquet", f".{call_set}.parquet.*", call_set)
        for path in sorted(folder.glob(pattern))
    ]
    others = [*quarantine_paths(base, call_set), report_path(base, DOMAIN, call_set).parent]
    return found + [path for path in others if path.exists()]


def main(arguments: Sequence[str]) -> int:
    """Say what was removed; exit status 1 and one line on standard error where it wasn't."""
    warnings.simplefilter("ignore")  # that parts of Dagster are in beta is nobody's concern here
    if len(arguments) != 1 or not arguments[0]:
        return _refuse("which call set? make forget CALL_SET=cohort")
    (call_set,) = arguments
    try:
        here = settings()
        with dg.DagsterInstance.get() as instance:
            removed = forget(
                Warehouse(here.warehouse_dsn()),
                instance,
                here.root,
                here.landing / DOMAIN,
                call_set,
            )
    except (ValueError, SettingsError, StillThereError, OSError, psycopg2.Error) as error:
        return _refuse(str(error).strip())
    for line in removed.lines() or ["nothing: there was no more of it"]:
        print(f"removed {line}")
    return 0


def _refuse(reason: str) -> int:
    print(f"forget: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
