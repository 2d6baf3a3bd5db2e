"""Which partitions a run is about, in words."""

import dagster as dg


def partitions_of(run: dg.DagsterRun) -> str:
    """The run's partition key, `first..last` of its range, or nothing."""
    first = run.tags.get("dagster/asset_partition_range_start")
    if first:
        return f"{first}..{run.tags.get('dagster/asset_partition_range_end', '')}"
    return run.tags.get("dagster/partition", "")


def name_of(run: dg.DagsterRun) -> str:
    """The run's job; assets launched without one are "assets chosen by hand"."""
    return "assets chosen by hand" if run.job_name.startswith("__") else run.job_name
