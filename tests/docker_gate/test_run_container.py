"""A create request is rebuilt: what is sent to the engine is the gate's own, whatever was asked."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.docker_gate.policy import Policy, policy
from control_plane.docker_gate.refusal import RefusedError
from control_plane.docker_gate.run_container import container_name, rebuild
from control_plane.settings import settings as assay_settings
from tests.docker_gate.hostile_requests import HOSTILE, of_job
from tests.docker_gate.run_request import RUN_ID, run_request

POLICY = Policy("assaytest", "/assay", most_memory=2**31, most_nano_cpus=2 * 10**9)


def test_a_runs_request_is_rebuilt_with_everything_that_protects() -> None:
    built = rebuild(run_request(), POLICY)
    asked = run_request()
    assert {key: built[key] for key in ("Image", "Cmd", "Env", "Labels")} == {
        key: asked[key] for key in ("Image", "Cmd", "Env", "Labels")
    }
    assert built["User"] == "10001:10001"
    assert "Entrypoint" not in built, "an empty one would take away the image's"
    host: Any = built["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert list(host["Tmpfs"]) == ["/tmp"]
    assert host["Memory"] == host["MemorySwap"] == 64 * 2**20
    assert host["Binds"] == asked["HostConfig"]["Binds"]
    assert host["NetworkMode"] == "assaytest_runs"
    assert "Privileged" not in host
    assert container_name(built, POLICY) == "assaytest-run-a_job-12345678"


def test_the_container_is_named_after_its_partition_too() -> None:
    asked = run_request()
    asked["Labels"]["assay.partition"] = "2025-01-02..2025-01-06"
    named = container_name(rebuild(asked, POLICY), POLICY)
    assert named == "assaytest-run-a_job-2025-01-02..2025-01-06-12345678"


@pytest.mark.parametrize(
    ("job", "named"),
    [("__ASSET_JOB", "asset_job"), ("___", "run"), ("a" * 41, "a" * 40)],
)
def test_any_job_makes_a_name_that_a_person_reads(job: str, named: str) -> None:
    asked = run_request()
    of_job(job)(asked)
    assert container_name(rebuild(asked, POLICY), POLICY) == f"assaytest-run-{named}-12345678"


def test_what_is_left_out_gets_the_limits() -> None:
    asked = run_request()
    asked["HostConfig"] = {"NetworkMode": "assaytest_runs", "CapDrop": None}
    for key in ("Env", "Volumes", "NetworkingConfig", "Tty"):
        del asked[key]
    host: Any = rebuild(asked, POLICY)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (2**31, 2 * 10**9, 1024)
    assert (len(host["Binds"]), host["CapDrop"]) == (7, ["ALL"])


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_a_runs_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    asked = run_request()
    change(asked)
    with pytest.raises(RefusedError) as refused:
        rebuild(asked, POLICY)
    assert refused.value.status == 403
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400


SECRET = "very-secret"
# The first is of a variable that a run is told; the others are not to be told.
LINES = ["ASSAY_PG_HOST", "ASSAY_POSTGRES_PASSWORD", "LD_PRELOAD"]


@pytest.mark.parametrize("name", LINES)
def test_a_refusal_names_the_variable_but_not_its_value(name: str) -> None:
    asked = run_request()
    asked["Env"].append(f"{name}={SECRET}")
    with pytest.raises(RefusedError, match=f'not told the variable "{name}"') as refused:
        rebuild(asked, POLICY)
    assert SECRET not in refused.value.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("another word of Dagster", "the command is not `dagster api execute_run …`"),
        ("the host's root", 'cannot have "HostConfig.Binds"=["/:/host"]'),
        ("fewer dropped", 'cannot have "HostConfig.CapDrop"=["NET_RAW"]'),
        ("fewer binds", 'cannot have "HostConfig.Binds"=["assaytest_data'),
        ("a variable without a value", 'not told the variable "ASSAY_PG_PORT"'),
    ],
)
def test_a_refusal_says_what_did_not_fit(change: str, said: str) -> None:
    asked = run_request()
    HOSTILE[change](asked)
    with pytest.raises(RefusedError) as refused:
        rebuild(asked, POLICY)
    assert said in refused.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "Privileged",
        "Binds",
        "Mounts",
        "Image",
        "Cmd",
        "Env",
        "User",
        "Entrypoint",
        "Memory",
        "NetworkMode",
        "PidMode",
        "CapAdd",
        "Devices",
        "Labels",
        "EndpointsConfig",
        "NanoCpus",
    ]
) | st.text(max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_asked_the_result_is_a_run_of_this_project(data: st.DataObject) -> None:
    asked = copy.deepcopy(run_request())
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = data.draw(
            st.sampled_from([asked, asked, asked.get("HostConfig"), asked.get("Labels")])
        )
        if isinstance(place, dict):
            key = data.draw(st.sampled_from(sorted(place)) | KEYS if place else KEYS)
            place[key] = data.draw(JSON)
    try:
        built: Any = rebuild(asked, POLICY)
    except RefusedError:
        return
    assert_is_a_run(built)


def assert_is_a_run(built: Any) -> None:
    """Everything about a rebuilt request that could hurt, written down once more by hand."""
    assert set(built) == {
        "Image", "Cmd", "Env", "User", "Labels", "Healthcheck", "HostConfig", "NetworkingConfig",
    }  # fmt: skip
    assert built["Image"].startswith("assaytest/user_code:")
    assert built["Cmd"][:3] == ["dagster", "api", "execute_run"]
    assert len(built["Cmd"]) == 4
    assert built["User"] == "10001:10001"
    assert built["NetworkingConfig"] == {"EndpointsConfig": {"assaytest_runs": {}}}
    assert built["Labels"]["assay.project"] == "assaytest"
    assert set(built["Labels"]) == {
        "assay.project", "assay.kind", "dagster/run_id", "dagster/job_name",
    }  # fmt: skip
    host = built["HostConfig"]
    assert set(host) == {
        "Memory", "MemorySwap", "NanoCpus", "PidsLimit", "Binds", "NetworkMode", "Dns", "CapDrop",
        "SecurityOpt", "ReadonlyRootfs", "Tmpfs", "IpcMode", "RestartPolicy", "LogConfig",
    }  # fmt: skip
    assert 0 < host["Memory"] == host["MemorySwap"] <= 2**31
    assert 0 < host["NanoCpus"] <= 2 * 10**9
    assert host["Binds"] == run_request()["HostConfig"]["Binds"]
    assert (host["NetworkMode"], host["IpcMode"]) == ("assaytest_runs", "private")
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert host["ReadonlyRootfs"] is True
    assert host["PidsLimit"] == 1024
    assert host["Dns"] == ["127.0.0.1"]
    assert host["Tmpfs"] == {"/tmp": "rw,nosuid,nodev,noexec,size=1g,mode=1777"}
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "2"},
    }
    assert built["Healthcheck"] == {"Test": ["NONE"]}, "the image's own would run in it"
    for line in built["Env"]:
        assert line.startswith(("ASSAY_", "POLARS_MAX_THREADS=", "DAGSTER_RUN_JOB_NAME="))


@pytest.mark.parametrize(
    "environment",
    [
        {"ASSAY_PROJECT": "a:/:"},
        {"ASSAY_PROJECT": "../x"},
        {"ASSAY_PROJECT": "/x"},
        {"ASSAY_PROJECT": "-x"},
        {"ASSAY_PROJECT": "a" * 64},
        {"ASSAY_ROOT": "/a:/b"},
        {"ASSAY_ROOT": "a"},
        {"ASSAY_ROOT": "/"},
    ],
    ids=str,
)
def test_names_that_could_be_a_trick_end_the_gate_at_start(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(environment))):
        policy(assay_settings(environment))


def test_the_limits_are_those_of_the_environment() -> None:
    here = policy(assay_settings({"ASSAY_RUN_MEMORY": "1g", "ASSAY_RUN_CPUS": "1.5"}))
    assert (here.most_memory, here.most_nano_cpus) == (2**30, 1_500_000_000)
    assert here.project == "assay"
    asked = run_request("assay", "assay/user_code:v1")
    assert rebuild(asked, here)["Labels"] == {**here.labels} | {
        "dagster/run_id": RUN_ID,
        "dagster/job_name": "a_job",
    }
