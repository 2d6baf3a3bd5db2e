"""Each run says at its end, however it ends, what memory and processor time it took."""

from collections.abc import Iterator

import dagster as dg
import pytest

from user_code.definitions import defs
from user_code.shared.run_executor import run_executor


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@dg.op
def work(context: dg.OpExecutionContext) -> None:
    how = context.run.tags.get("how")
    if how == "fails":
        raise ValueError("no such column")
    if how == "is interrupted":
        raise dg.DagsterExecutionInterruptedError
    if how == "must be repeated" and context.retry_number == 0:
        raise dg.RetryRequested(max_retries=1)


@dg.job(executor_def=run_executor)
def working() -> None:
    work()


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("succeeds", dg.DagsterRunStatus.SUCCESS),
        ("fails", dg.DagsterRunStatus.FAILURE),
        ("is interrupted", dg.DagsterRunStatus.FAILURE),
        ("must be repeated", dg.DagsterRunStatus.SUCCESS),
    ],
)
def test_a_run_tells_its_cost_once(
    instance: dg.DagsterInstance, how: str, status: dg.DagsterRunStatus
) -> None:
    with dg.execute_job(
        dg.reconstructable(working), instance, tags={"how": how}, raise_on_error=False
    ) as result:
        run_id = result.run_id
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == status
    (cost,) = costs(instance, run_id)
    assert 10 < cost["peak_memory_mb"] < 100_000
    assert 0 < cost["cpu_s"] < 100_000


def costs(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, float]]:
    """The cost in each event that has one."""
    found = []
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        assert entry.dagster_event is not None
        metadata = entry.dagster_event.engine_event_data.metadata
        if "cpu_s" in metadata:
            found.append({name: value.value for name, value in metadata.items()})
    return found


def test_all_jobs_of_ours_are_run_by_it() -> None:
    repository = defs.get_repository_def()
    assert {job.executor_def for job in repository.get_all_jobs()} == {run_executor}
