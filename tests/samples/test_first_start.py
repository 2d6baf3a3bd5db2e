"""The samples through the whole pipeline, as on a first start: which alerts are raised."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from embedded_postgres import EmbeddedPostgres

from samples.landing import put_samples
from user_code.shared.resources import default_resources
from user_code.shared.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture
def landing(
    postgres: EmbeddedPostgres,
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASSAY_ROOT", str(tmp_path))
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", "0")
    return tmp_path / "landing"


class Platform:
    """What the daemon does, in this process: ticks sensors, takes their requests to an end."""

    def __init__(self, instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
        from user_code.definitions import defs

        self.instance, self.warehouse, self.defs = instance, warehouse, defs
        self.repository = defs.get_repository_def()
        self.cursors: dict[str, str | None] = {}
        self.automation: Any = None
        # As the daemon does while nothing has landed yet: later changes are news from then on.
        assert self.automate() == 0

    def tick(self, name: str) -> int:
        """One tick of a sensor and all runs that it asks for; how many these were."""
        sensor = self.repository.get_sensor_def(name)
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            definitions=self.defs,
            sensor_name=name,
            resources=default_resources(),
        )
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursors[name] = result.cursor
        for addition in result.dynamic_partitions_requests or []:
            assert isinstance(addition, dg.AddDynamicPartitionsRequest)
            self.instance.add_dynamic_partitions(
                addition.partitions_def_name, list(addition.partition_keys)
            )
        for request in result.run_requests or []:
            job = self.repository.get_job(request.job_name or sensor.job_name)
            done = job.execute_in_process(
                instance=self.instance,
                tags=dict(request.tags),
                partition_key=request.partition_key,
            )
            assert done.success, name
        return len(result.run_requests or [])

    def automate(self) -> int:
        """What declarative automation asks for, until it asks for nothing; how many assets."""
        total = 0
        while True:
            evaluated = dg.evaluate_automation_conditions(
                self.defs, self.instance, cursor=self.automation
            )
            self.automation = evaluated.cursor
            if evaluated.total_requested == 0:
                return total
            wanted = [
                key
                for key in self.repository.asset_graph.get_all_asset_keys()
                if evaluated.get_num_requested(key)
            ]
            total += len(wanted)
            job = self.repository.get_implicit_job_def_for_assets(wanted)
            assert job is not None
            assert job.execute_in_process(instance=self.instance, asset_selection=wanted).success

    def start(self) -> int:
        """All that follows from what is in the landing zone; how many runs sensors asked for."""
        names = [sensor.name for sensor in self.repository.sensor_defs]
        # Automation is not ticked but evaluated, below.
        names.remove("finance_automation")
        landing = [name for name in names if name.endswith("_landing")]
        runs = sum(self.tick(name) for name in landing)
        self.automate()
        self._age_commits()
        return runs + sum(self.tick(name) for name in names if name not in landing)

    def alerts(self) -> list[tuple[str, str, int]]:
        """Kind, subject and count of all open alerts."""
        with self.warehouse.transaction() as cursor:
            cursor.execute("SELECT kind, subject, count FROM ops.alerts WHERE state = 'open'")
            return sorted(cursor.fetchall())

    def _age_commits(self) -> None:
        # The count alerts wait until a load is over; this test does not.
        with self.warehouse.transaction() as cursor:
            cursor.execute(
                "UPDATE ops.partition_commits SET committed_at = committed_at - interval '1 h',"
                " started_at = started_at - interval '1 h'"
            )


def listed_alerts(last: date) -> list[tuple[str, str, int]]:
    """The table in samples/README.md, with days for what it says relative to the last one."""
    text = (ROOT / "samples/README.md").read_text()
    rows: Iterable[tuple[str, str]] = re.findall(r"^\| `([a-z_.]+)` \| ([^|]+) \|", text, re.M)

    def day(match: re.Match[str]) -> str:
        return str(last - timedelta(days=int(match[1])))

    return sorted(
        (kind, re.sub(r"(\d+) days before the last", day, subject), 1) for kind, subject in rows
    )


def test_the_first_start_raises_the_listed_alerts_and_a_later_one_none(
    landing: Path, instance: dg.DagsterInstance, warehouse: Warehouse
) -> None:
    platform = Platform(instance, warehouse)
    put_samples(landing, YESTERDAY, seed=1)

    assert platform.start() == 2
    assert platform.alerts() == listed_alerts(YESTERDAY)

    put_samples(landing, YESTERDAY + timedelta(days=1), seed=2)

    assert platform.start() == 0
    assert platform.alerts() == listed_alerts(YESTERDAY)
