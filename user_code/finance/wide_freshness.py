"""How old data may be that a feed should bring, as Dagster's own policy says it: a wide window.

Such a policy knows neither the input nor holidays. The checks `feed_arrived` and `keeps_up` do.
"""

from datetime import timedelta

import dagster as dg

from user_code.finance.domain.source_contract import ContractError, read_contract
from user_code.settings import settings

# A long weekend of four days and a day.
_WINDOW = timedelta(days=5)


def wide_freshness() -> dg.FreshnessPolicy | None:
    """Five days; None unless a contract names an arrival: who says when a feed comes can be late.

    Contracts are read when definitions load: a first arrival counts from the next load on.
    """
    for path in sorted(settings().contracts.glob("*.yaml")):
        try:
            if read_contract(path).arrival is not None:
                return dg.FreshnessPolicy.time_window(fail_window=_WINDOW)
        except ContractError:
            continue  # its source's files are refused, with an alert
    return None
