"""Create requests that no run of ours makes: each as a change of one that it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.docker_gate.run_request import RUN_ID


def host(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked["HostConfig"].update(values)


def memory(most: float) -> Callable[[dict[str, Any]], object]:
    """So much, and no swap."""
    return host(Memory=most, MemorySwap=most)


def top(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked.update(values)


def label(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked["Labels"].update({name: value})


def bind(*more: str) -> Callable[[dict[str, Any]], object]:
    return lambda asked: asked["HostConfig"]["Binds"].extend(more)


def of_run(run_id: str) -> Callable[[dict[str, Any]], object]:
    """Label and command name the same run."""
    arguments = json.dumps({"__class__": "ExecuteRunArgs", "pipeline_run_id": run_id})
    return lambda asked: (
        asked["Labels"].update({"dagster/run_id": run_id}),
        asked["Cmd"].__setitem__(3, arguments),
    )


def of_call(name: str) -> Callable[[dict[str, Any]], object]:
    """Arguments for this run, of what `name` means in Dagster."""
    arguments = json.dumps({"__class__": name, "pipeline_run_id": RUN_ID})
    return lambda asked: asked["Cmd"].__setitem__(3, arguments)


def of_job(name: str) -> Callable[[dict[str, Any]], object]:
    """Label and environment name the same job."""
    return lambda asked: (
        asked["Labels"].update({"dagster/job_name": name}),
        asked["Env"].__setitem__(1, f"DAGSTER_RUN_JOB_NAME={name}"),
    )


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
    "more memory than allowed": memory(2**31 + 1),
    "unlimited memory": memory(-1),
    "memory of nought, which is no limit": memory(0),
    "less memory than the engine takes": memory(6 * 2**20 - 1),
    "a huge number": memory(10**30),
    "memory as a fraction": memory(1e8),
    "memory as a truth": memory(True),
    "swap": host(MemorySwap=-1),
    "more CPUs": host(NanoCpus=64 * 10**9),
    "CPUs of nought, which is no limit": host(NanoCpus=0),
    "CPUs below nought": host(NanoCpus=-1),
    "CPUs as a fraction": host(NanoCpus=5e8),
    "CPUs by another name": host(CpuQuota=-1),
    "PIDs without end": host(PidsLimit=-1),
    "another log driver": host(LogConfig={"Type": "syslog", "Config": {"syslog-address": "x"}}),
    "to be restarted": host(RestartPolicy={"Name": "always"}),
    "to be removed": host(AutoRemove=True),
    "host names": host(ExtraHosts=["postgres:10.0.0.1"]),
    "another DNS": host(Dns=["10.0.0.1"]),
    "links": host(Links=["postgres:pg"]),
    "a tmpfs that is text": host(Tmpfs="/tmp"),
    "a network that is an object": host(NetworkMode={"x": None}),
    "a network that is a list": host(NetworkMode=[1]),
    "capabilities that are a number": host(CapDrop=5),
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
    "arguments of another call": of_call("ExecuteStepArgs"),
    "arguments that are no JSON": lambda asked: asked["Cmd"].__setitem__(3, "x"),
    "arguments that are no text": lambda asked: asked["Cmd"].__setitem__(3, {}),
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
    "an image with a path for a tag": top(Image="assaytest/user_code:/x"),
    "an image with a line end": top(Image="assaytest/user_code:v1\n"),
    "an image with a tag without end": top(Image=f"assaytest/user_code:{'a' * 129}"),
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
    "a variable that is no text": lambda asked: asked["Env"].append(5),
    "an environment that is a number": top(Env=5),
    "an environment that is a mapping": top(Env={"LD_PRELOAD": "x"}),
    "another project's label": label("assay.project", "other"),
    "another kind": label("assay.kind", "service"),
    "a label more": label("com.docker.compose.project", "assaytest"),
    "no run id": label("dagster/run_id", None),
    "a run id that is none": label("dagster/run_id", "../../x"),
    "a job's name that is none": label("dagster/job_name", "a b"),
    "a partition that is no name": label("assay.partition", "../x y"),
    "a partition that begins as a path": label("assay.partition", "/x"),
    "a partition with a path in it": label("assay.partition", "x/y"),
    "a partition without end": label("assay.partition", "a" * 61),
    "the outside, for a job that may not": label("assay.network", "outside"),
    "a run of no run's id": of_run("../../postgres"),
    "a run's id and more": of_run(f"{RUN_ID} "),
    "a run's id with a path at its beginning": of_run(f"/{RUN_ID[1:]}"),
    "a run's id with a path in it": of_run(RUN_ID.replace("-90ab-", "-90/b-")),
    "a run's id with a path at its end": of_run(f"{RUN_ID[:-1]}/"),
    "a run's id, longer at its beginning": of_run(f"0{RUN_ID}"),
    "a run's id, longer within": of_run(RUN_ID.replace("-90ab-", "-90abc-")),
    "a run's id of more parts": of_run(RUN_ID.replace("-90ab-", "-90ab-90ab-")),
    "a run's id, longer at its end": of_run(f"{RUN_ID}0"),
    "a job of no job's name": of_job("../postgres"),
    "a job's name without end": of_job("a" * 201),
    "a value without end": lambda asked: asked["Env"].__setitem__(0, f"ASSAY_PG_HOST={'a' * 4097}"),
    "no labels": top(Labels=None),
    "no host config": top(HostConfig=None),
}  # fmt: skip
