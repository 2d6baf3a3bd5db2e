"""`make redeploy` while runs are in flight and queued: each finishes on its own image."""

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from assay_stack import AssayStack
from docker_engine import docker, throttle
from inputs import bookings, csv_config
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")

SLOTS = 4  # dagster.yaml, max_concurrent_runs


def convert(assay: AssayStack, name: str) -> str:
    """Launch `csv_to_parquet` on a small file; the run's id."""
    return assay.api.launch("csv_to_parquet", csv_config("small.csv", f"{name}.parquet"))


def hold_at_start(assay: AssayStack, name: str) -> str:
    """Launch a run and freeze its process as soon as it has started; the run's id."""
    run_id = convert(assay, name)
    container = assay.run_container(run_id)["Id"]
    throttle(container, 0.2)
    wait_for("its start", lambda: assay.api.run(run_id)["status"] == "STARTED", seconds=170)
    # Not `docker pause`: a paused container counts as lost.
    docker("kill", "--signal", "STOP", container)
    return run_id


def change(definitions: Path, description: str, sensor: str) -> None:
    """Give every asset a description, and add a sensor that finds nothing to do."""
    with definitions.open("a") as file:
        file.write(
            f"""

defs = dg.Definitions.merge(
    defs.map_asset_specs(func=lambda spec: spec.replace_attributes(description={description!r})),
    dg.Definitions(
        sensors=[
            dg.SensorDefinition(
                name={sensor!r},
                evaluation_fn=lambda context: dg.SkipReason("Nothing to do."),
                job_name="csv_to_parquet",
                minimum_interval_seconds=5,
                default_status=dg.DefaultSensorStatus.RUNNING,
            )
        ]
    ),
)
"""
        )


@pytest.fixture
def definitions(assay: AssayStack) -> Iterator[Path]:
    """The file that tests append to, in their own copy of the tree; as it was afterwards."""
    path = assay.tree / "user_code/definitions.py"
    before = path.read_text()
    yield path
    path.write_text(before)


def test_runs_in_flight_and_queued_finish_on_their_own_code(
    assay: AssayStack, definitions: Path
) -> None:
    old = assay.setting("ASSAY_USER_CODE_IMAGE")
    untouched = {name: assay.service(name)["Id"] for name in ("webserver", "daemon", "postgres")}
    assay.land("small.csv", bookings(date(2025, 3, 31), rows=100))
    in_flight = [hold_at_start(assay, f"in_flight_{number}") for number in range(SLOTS)]
    held = [assay.run_container(run_id)["Id"] for run_id in in_flight]
    queued = convert(assay, "queued")

    change(definitions, "Redeployed.", sensor="just_deployed")
    assay.script("make", "redeploy", seconds=300)
    done, deployed_at = time.monotonic(), time.time()

    wait_for(
        "the new definition",
        lambda: assay.api.descriptions()["daily_summary"] == "Redeployed.",
        seconds=30,
    )
    assert time.monotonic() - done < 30
    # The daemon looks for new code once a minute.
    wait_for(
        "the new sensor's tick",
        lambda: "just_deployed" in assay.api.looked_since(deployed_at),
        seconds=90,
    )
    assert assay.api.run(queued)["status"] == "QUEUED", "the test's own premise"
    assert [assay.api.finished(run_id) for run_id in in_flight] == [None] * SLOTS
    new = assay.setting("ASSAY_USER_CODE_IMAGE")
    assert new != old
    for container in held:
        throttle(container, 2)
        docker("kill", "--signal", "CONT", container)
    for run_id in [*in_flight, queued]:
        run = wait_for(
            f"run {run_id}", lambda run_id=run_id: assay.api.finished(run_id), seconds=240
        )
        assert run["status"] == "SUCCESS", assay.api.story(run_id)
        assert assay.run_container(run_id)["Config"]["Image"] == old
    later = convert(assay, "later")
    assert assay.run_container(later)["Config"]["Image"] == new
    wait_for("the later run", lambda: assay.api.finished(later), seconds=180)
    assert {name: assay.service(name)["Id"] for name in untouched} == untouched


def test_broken_definitions_replace_nothing(assay: AssayStack, definitions: Path) -> None:
    image = assay.setting("ASSAY_USER_CODE_IMAGE")
    server = assay.service("user_code")["Id"]
    with definitions.open("a") as file:
        file.write("\n\nraise RuntimeError('half a thought')\n")

    with pytest.raises(AssertionError, match="half a thought"):
        assay.script("make", "redeploy", seconds=300)

    assert assay.setting("ASSAY_USER_CODE_IMAGE") == image
    assert assay.service("user_code")["Id"] == server
    assert assay.api.location()
