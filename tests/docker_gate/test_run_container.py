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


def test_what_is_left_out_gets_the_limits() -> None:
    asked = run_request()
    asked["HostConfig"] = {"NetworkMode": "assaytest_runs"}
    for key in ("Env", "Volumes", "NetworkingConfig", "Tty"):
        del asked[key]
    host: Any = rebuild(asked, POLICY)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (2**31, 2 * 10**9, 1024)
    assert len(host["Binds"]) == 7


def host(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked["HostConfig"].update(values)


def top(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked.update(values)


def label(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked["Labels"].update({name: value})


def bind(*more: str) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked["HostConfig"]["Binds"].extend(more)


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "privileged": host(Privileged=True),
    "privileged in small letters": host(privileged=True),
    "the host's root": bind("/:/host"),
    "the host's root, read only": bind("/:/host:ro"),
    "the engine's socket": bind("/var/run/docker.sock:/var/run/docker.sock"),
    "a volume of others": bind("other_data:/other:rw"),
    "Postgres' own volume": bind("assaytest_postgres:/pg:rw"),
    "landing, writable": lambda asked: asked["HostConfig"].update(
        Binds=[b.replace("landing:ro", "landing:rw") for b in asked["HostConfig"]["Binds"]]
    ),
    "fewer binds": lambda asked: asked["HostConfig"]["Binds"].pop(),
    "a mount": host(Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
    "volumes of another container": host(VolumesFrom=["postgres"]),
    "an anonymous volume elsewhere": lambda asked: asked["Volumes"].update({"/etc": {}}),
    "the host's network": host(NetworkMode="host"),
    "another network": host(NetworkMode="assaytest_control"),
    "a container's network": host(NetworkMode="container:postgres"),
    "a second network": top(NetworkingConfig={"EndpointsConfig": {"assaytest_control": {}}}),
    "an alias on the run network": top(
        NetworkingConfig={"EndpointsConfig": {"assaytest_runs": {"Aliases": ["postgres"]}}}
    ),
    "a published port": host(PortBindings={"5432/tcp": [{"HostPort": "5432"}]}),
    "all ports": host(PublishAllPorts=True),
    "the host's PIDs": host(PidMode="host"),
    "the host's IPC": host(IpcMode="host"),
    "the host's UTS": host(UTSMode="host"),
    "the host's users": host(UsernsMode="host"),
    "the host's cgroups": host(CgroupnsMode="host"),
    "a cgroup parent": host(CgroupParent="/system.slice"),
    "capabilities": host(CapAdd=["SYS_ADMIN"]),
    "fewer dropped": host(CapDrop=["NET_RAW"]),
    "no seccomp": host(SecurityOpt=["no-new-privileges", "seccomp=unconfined"]),
    "unmasked /proc": host(MaskedPaths=[""]),
    "a device": host(Devices=[{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda"}]),
    "device rules": host(DeviceCgroupRules=["a *:* rwm"]),
    "a device request": host(DeviceRequests=[{"Driver": "nvidia", "Count": -1}]),
    "another runtime": host(Runtime="other"),
    "sysctls": host(Sysctls={"kernel.core_pattern": "|/x"}),
    "no OOM killer": host(OomKillDisable=True),
    "to be killed last": host(OomScoreAdj=-1000),
    "more memory than allowed": host(Memory=2**31 + 1, MemorySwap=2**31 + 1),
    "unlimited memory": host(Memory=-1),
    "a huge number": host(Memory=10**30),
    "memory as a fraction": host(Memory=1e8),
    "memory as a truth": host(Memory=True),
    "swap": host(MemorySwap=-1),
    "more CPUs": host(NanoCpus=64 * 10**9),
    "CPUs by another name": host(CpuQuota=-1),
    "PIDs without end": host(PidsLimit=-1),
    "another log driver": host(LogConfig={"Type": "syslog", "Config": {"syslog-address": "x"}}),
    "to be restarted": host(RestartPolicy={"Name": "always"}),
    "to be removed": host(AutoRemove=True),
    "host names": host(ExtraHosts=["postgres:10.0.0.1"]),
    "another DNS": host(Dns=["10.0.0.1"]),
    "links": host(Links=["postgres:pg"]),
    "an unknown field": host(Novelty={"deep": [1]}),
    "an unknown field on top": top(Novelty="x"),
    "root": top(User="0"),
    "another entry point": top(Entrypoint=["/bin/sh"]),
    "another folder": top(WorkingDir="/assay/data"),
    "a health check": top(Healthcheck={"Test": ["CMD-SHELL", "id"]}),
    "another stop signal": top(StopSignal="SIGCONT"),
    "another command": top(Cmd=["sh", "-c", "id"]),
    "a command as a string": top(Cmd="dagster api execute_run {}"),
    "a fifth word": lambda asked: asked["Cmd"].append("--help"),
    "another word of Dagster": lambda asked: asked["Cmd"].__setitem__(2, "grpc"),
    "arguments that are no run's": lambda asked: asked["Cmd"].__setitem__(3, "{}"),
    "arguments of another run": lambda asked: asked["Cmd"].__setitem__(
        3, asked["Cmd"][3].replace("1234", "4321")
    ),
    "arguments nested without end": lambda asked: asked["Cmd"].__setitem__(3, "[" * 100_000),
    "no command": top(Cmd=None),
    "a foreign image": top(Image="alpine:latest"),
    "an image by its id": top(Image="sha256:" + "a" * 64),
    "an image of another project": top(Image="other/user_code:v1"),
    "the control plane's image": top(Image="assaytest/dagster:built"),
    "an image by digest": top(Image="assaytest/user_code@sha256:" + "a" * 64),
    "an image without a tag": top(Image="assaytest/user_code"),
    "an image from elsewhere": top(Image="host:5000/assaytest/user_code:v1"),
    "an image with a path trick": top(Image="assaytest/user_code:v1/../../x"),
    "an image with a line end": top(Image="assaytest/user_code:v1\n"),
    "an image that is a list": top(Image=["assaytest/user_code:v1"]),
    "LD_PRELOAD": lambda asked: asked["Env"].append("LD_PRELOAD=/assay/data/x.so"),
    "PYTHONPATH": lambda asked: asked["Env"].append("PYTHONPATH=/assay/data"),
    "DAGSTER_HOME": lambda asked: asked["Env"].append("DAGSTER_HOME=/assay/data"),
    "a variable twice": lambda asked: asked["Env"].append("ASSAY_PG_HOST=elsewhere"),
    "a variable without a value": lambda asked: asked["Env"].append("ASSAY_PG_PORT"),
    "two lines in a variable": lambda asked: asked["Env"].append("ASSAY_ROOT=x\nLD_PRELOAD=y"),
    "a variable of another job": lambda asked: asked["Env"].__setitem__(
        1, "DAGSTER_RUN_JOB_NAME=other"
    ),
    "an environment that is a mapping": top(Env={"LD_PRELOAD": "x"}),
    "another project's label": label("assay.project", "other"),
    "another kind": label("assay.kind", "service"),
    "a label more": label("com.docker.compose.project", "assaytest"),
    "no run id": label("dagster/run_id", None),
    "a run id that is none": label("dagster/run_id", "../../x"),
    "a job's name that is none": label("dagster/job_name", "a b"),
    "a partition that is no name": label("assay.partition", "../x y"),
    "the outside, for a job that may not": label("assay.network", "outside"),
    "no labels": top(Labels=None),
    "no host config": top(HostConfig=None),
}  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_a_runs_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    asked = run_request()
    change(asked)
    with pytest.raises(RefusedError) as refused:
        rebuild(asked, POLICY)
    assert refused.value.status == 403
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400


def test_a_refusal_names_the_variable_but_not_its_value() -> None:
    asked = run_request()
    asked["Env"].append("ASSAY_POSTGRES_PASSWORD=very-secret")
    with pytest.raises(RefusedError, match="ASSAY_POSTGRES_PASSWORD") as refused:
        rebuild(asked, POLICY)
    assert "very-secret" not in refused.value.message


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
    for line in built["Env"]:
        assert line.startswith(("ASSAY_", "POLARS_MAX_THREADS=", "DAGSTER_RUN_JOB_NAME="))


@pytest.mark.parametrize(
    "environment",
    [{"ASSAY_PROJECT": "a:/:"}, {"ASSAY_PROJECT": "../x"}, {"ASSAY_ROOT": "/a:/b"}],
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
