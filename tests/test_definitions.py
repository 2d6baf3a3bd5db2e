"""What is loaded, and that loading it needs nothing: no secret, no variable, no connection.

`tests/loaded.txt` pins the names of all that is loaded. After a change that you mean:

    .venv/bin/python tests/test_definitions.py > tests/loaded.txt
"""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

PINNED = Path(__file__).with_name("loaded.txt")

_LOAD_WITHOUT_NETWORK = """
import socket
def refuse(*args, **kwargs): raise AssertionError("importing connected to something")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import psycopg2
psycopg2.connect = refuse
from user_code.definitions import defs
defs.get_repository_def().load_all_definitions()
"""


def loaded() -> str:
    """A line for each asset, check, job, sensor and schedule, sorted."""
    from user_code.definitions import defs

    repository = defs.get_repository_def()
    graph = repository.asset_graph
    lines = [f"asset {key.to_user_string()}" for key in graph.get_all_asset_keys()]
    lines += [
        f"check {key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys
    ]
    lines += [f"job {job}" for job in repository.job_names if not job.startswith("__")]
    lines += [f"schedule {schedule.name}" for schedule in repository.schedule_defs]
    lines += [f"sensor {sensor.name}" for sensor in repository.sensor_defs]
    return "\n".join(sorted(lines)) + "\n"


def test_what_is_loaded_is_what_is_pinned() -> None:
    assert loaded() == PINNED.read_text(), (
        "the definitions changed: if that is meant, run "
        "`.venv/bin/python tests/test_definitions.py > tests/loaded.txt`"
    )


def test_definitions_load_without_any_environment_or_connection() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOAD_WITHOUT_NETWORK],
        env={"PATH": os.defpath},
        cwd=PINNED.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_asset_says_what_it_is_and_whose() -> None:
    from user_code.definitions import defs

    graph = defs.get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        name = key.to_user_string()
        assert node.description, name
        assert node.group_name in ("genomics", "finance", "platform"), name
        assert node.owners == [f"team:{node.group_name}"], name
        assert node.kinds, name
        # What a sensor tells is no code's result.
        assert node.code_version or not node.is_executable, name


def test_no_asset_hands_its_data_to_dagsters_io_manager() -> None:
    """The default one pickles; our assets write through the publisher and return nothing."""
    from user_code.definitions import defs

    for asset in defs.get_repository_def().assets_defs_by_key.values():
        if not asset.is_executable:
            continue
        for output in asset.op.output_defs:
            assert output.dagster_type.is_nothing, f"{asset.op.name}.{output.name}"


def test_jobs_run_in_one_process_and_sensors_run_by_default() -> None:
    from user_code.definitions import defs

    repository = defs.get_repository_def()
    for job in repository.get_all_jobs():
        assert job.executor_def.name == "in_process", job.name
    for sensor in repository.sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING, sensor.name


def test_each_asset_is_asked_for_in_one_way_so_that_nothing_runs_twice() -> None:
    """What landed computes its partition's whole chain; automation has what spans partitions."""
    from user_code.definitions import defs

    repository = defs.get_repository_def()
    graph = repository.asset_graph
    landed = {
        key.to_user_string()
        for job in ("finance_daily", "genomics_call_set")
        for key in repository.get_job(job).asset_layer.executable_asset_keys
    }
    partitioned, automated = set(), set()
    for key in graph.get_all_asset_keys():
        if graph.get(key).partitions_def is not None:
            partitioned.add(key.to_user_string())
        if graph.get(key).automation_condition is not None:
            automated.add(key.to_user_string())
    assert automated == {
        "historical_data", "anomaly_model", "anomaly_detection", "reconciliation"
    }  # fmt: skip
    assert not automated & partitioned
    # A person asks for the export, in the form that they want.
    assert landed == partitioned - {"cohort_export"}


if __name__ == "__main__":
    sys.stdout.write(loaded())
