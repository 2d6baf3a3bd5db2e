"""A landing zone of this test's own, and a run of the genomic job on it."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from user_code.genomics import definitions
from user_code.genomics.assets import CALL_SETS
from user_code.shared.publishing import Publisher

RunCallSet = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder landing/genomics that the assets look into."""
    monkeypatch.setenv("ASSAY_LANDING", str(tmp_path / "landing"))
    folder = tmp_path / "landing" / "genomics"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run_call_set(landing: Path, instance: dg.DagsterInstance, publisher: Publisher) -> RunCallSet:
    """Run the job genomics_call_set, or another, for one call set, in this process."""
    merged = dg.Definitions.merge(
        definitions.defs,
        dg.Definitions(resources={"publisher": publisher}, executor=dg.in_process_executor),
    )

    def run(
        call_set: str, *, job: str = "genomics_call_set", op: str = "call_set_qc", **config: object
    ) -> dg.ExecuteInProcessResult:
        instance.add_dynamic_partitions(str(CALL_SETS.name), [call_set])
        return merged.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=call_set,
            raise_on_error=False,
            run_config={"ops": {op: {"config": config}}},
        )

    return run
