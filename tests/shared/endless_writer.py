"""Publishes version after version of one partition until it is killed; run by test_crashes.py.

Not a test: the global `where_json` says where to write.
"""

import json
from pathlib import Path

import polars as pl

from user_code.shared.publishing import Attempt
from user_code.shared.store import ParquetStore
from user_code.shared.warehouse import Warehouse

where = json.loads(globals()["where_json"])
warehouse = Warehouse(where["dsn"])
for version in range(*where["versions"]):
    attempt = Attempt(
        store=ParquetStore(Path(where["root"])),
        warehouse=warehouse,
        context=None,
        domain="finance",
        asset="totals",
        run_id=f"run-{version}",
        started_at=warehouse.now(),
        partitions=["2025-01-01"],
    )
    frame = pl.DataFrame({"version": [version] * where["rows"]})
    attempt.publish({"2025-01-01": frame}, table="shared_test.totals", partition_column="day")
