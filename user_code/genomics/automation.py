"""When this domain computes: as soon as a call set has landed."""

import dagster as dg

from user_code.genomics.assets import CALL_SETS, call_set_qc
from user_code.genomics.cohort_export import cohort_export
from user_code.genomics.domain.call_set import call_set_name
from user_code.shared.landing_sensor import build_landing_sensor

genomics_call_set = dg.define_asset_job(
    "genomics_call_set",
    selection=dg.AssetSelection.assets(call_set_qc),
    description="All tables of one call set, from the landing zone to the warehouse.",
)

genomics_export = dg.define_asset_job(
    "genomics_export",
    selection=dg.AssetSelection.assets(cohort_export),
    description="What passes of one call set as one file, in the form that the config names.",
)


def landed_call_set(path: str) -> str | None:
    """The call set of a path in the landing zone (`genomics/cohort.vcf.gz`); None if of none."""
    return call_set_name(path.removeprefix("genomics/"))


genomics_landing = build_landing_sensor(
    "genomics_landing",
    "genomics",
    genomics_call_set,
    landed_call_set,
    daily=False,
    dynamic=CALL_SETS,
)
