"""Assay's own definitions and two jobs that do nothing. Goes into the benchmark's image.

Loading all of the real assets is part of what a run costs. The sensors stay away: their ticks would
be noise.
"""

import dagster as dg

from user_code import definitions as assay


@dg.asset(group_name="benchmark")
def noop_first() -> None:
    """Computes nothing."""


@dg.asset(group_name="benchmark", deps=[noop_first])
def noop_second() -> None:
    """Computes nothing, after the first."""


SELECTION = ["noop_first", "noop_second"]

defs = dg.Definitions(
    assets=[*(assay.defs.assets or []), noop_first, noop_second],
    asset_checks=assay.defs.asset_checks,
    resources=assay.defs.resources,
    jobs=[
        dg.define_asset_job("noop", SELECTION, executor_def=dg.in_process_executor),
        dg.define_asset_job("noop_example", SELECTION, executor_def=dg.multiprocess_executor),
    ],
)
