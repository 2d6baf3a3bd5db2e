"""All that this domain brings; resources are added where the domains are merged."""

import dagster as dg

from user_code.genomics.assets import call_set_qc
from user_code.genomics.automation import genomics_call_set, genomics_export, genomics_landing
from user_code.genomics.checks import CHECKS
from user_code.genomics.cohort_export import cohort_export

defs = dg.Definitions(
    assets=[call_set_qc, cohort_export],
    asset_checks=CHECKS,
    jobs=[genomics_call_set, genomics_export],
    sensors=[genomics_landing],
)
