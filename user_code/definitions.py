"""All that is loaded: one line per domain. Add yours here.

Import the modules, not their `defs` by name: Dagster allows one `Definitions` object per module.
"""

# ruff: noqa: E402 (what importing the others says, or dies of, is a line of JSON already)
import dagster as dg

from user_code.shared.json_lines import write_json_lines

write_json_lines()

from user_code.finance import definitions as finance
from user_code.genomics import definitions as genomics
from user_code.shared import definitions as shared
from user_code.shared.postgres_patience import wait_longer_for_postgres
from user_code.shared.resources import default_resources
from user_code.shared.run_executor import run_executor

# Each run container, and the code server, loads this module first.
wait_longer_for_postgres()

defs = dg.Definitions.merge(
    genomics.defs,
    finance.defs,
    shared.defs,
    dg.Definitions(
        resources=default_resources(),
        executor=run_executor,
    ),
)
