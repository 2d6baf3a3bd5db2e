"""By which key a failed run's alert is found again."""

import dagster as dg

from user_code.shared.run_partitions import partitions_of


def alert_key(run: dg.DagsterRun) -> str:
    """The same for each run of one job over the same partitions (or assets, if chosen by hand)."""
    return key_before_partitions(run) + partitions_of(run)


def key_before_partitions(run: dg.DagsterRun) -> str:
    """What the keys of one job's runs have in common, whatever their partitions."""
    what = run.job_name
    if what.startswith("__"):  # assets launched without a job
        chosen = sorted(key.to_user_string() for key in run.asset_selection or ())
        what = "assets " + ",".join(chosen)
    return f"run.failed:{what}:"
