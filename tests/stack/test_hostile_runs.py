"""Queued runs forged in Dagster's own tables: refused with the reason, or made as any other run.

Whoever takes over a run can write there: its role owns these tables.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from assay_stack import AssayStack
from container_births import ContainerBirths
from docker_engine import docker, inspect
from waiting import wait_for
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")

# What the code location may ask for, and through it a forged record; upstream's launcher gives it.
EVERYTHING = {
    "image": "assay/debian:trixie",
    "env_vars": ["FORGED=1", "LD_PRELOAD=/assay/data/forged.so"],
    "networks": ["bridge", "host"],
    "container_kwargs": {
        "privileged": True,
        "volumes": ["/:/host:rw", "/var/run/docker.sock:/var/run/docker.sock"],
        "network_mode": "host",
        "pid_mode": "host",
        "ipc_mode": "host",
        "user": "0",
        "cap_add": ["SYS_ADMIN"],
        "devices": ["/dev/kmsg"],
        "security_opt": ["seccomp=unconfined"],
        "entrypoint": ["sh", "-c", "id"],
        "mem_limit": "900g",
        "read_only": False,
    },
}


def origin(run: dict[str, Any]) -> dict[str, Any]:
    """Where the run's code comes from, in its record."""
    found: dict[str, Any] = run["pipeline_code_origin"]["repository_origin"]
    return found


def rename(run: dict[str, Any], name: str) -> None:
    """Call the run's job something else, wherever the launcher looks."""
    run["pipeline_name"] = run["pipeline_code_origin"]["pipeline_name"] = name


def load_from(run: dict[str, Any], path: str) -> None:
    """Have the run load its code from a file, as any run could have written one."""
    origin(run)["code_pointer"] = {
        "__class__": "FileCodePointer",
        "python_file": path,
        "fn_name": "defs",
        "working_directory": "/assay/data",
    }
    run["tags"]["assay/network"] = "outside"


Forgery = Callable[[dict[str, Any]], object]

# A forgery, and what the run's event log then says of it.
REFUSED: dict[str, tuple[Forgery, str]] = {
    "another image of ours": (
        lambda run: origin(run).update(container_image="PROJECT/dagster:built"),
        "is not deployed user code of this project",
    ),
    "an image of the host's": (
        lambda run: origin(run).update(container_image="assay/debian:trixie"),
        "is not deployed user code of this project",
    ),
    "another program": (
        lambda run: origin(run).update(entry_point=["sh", "-c", "id; sleep 600"]),
        "the command is not `dagster api execute_run …`",
    ),
    "another program by Python's path": (
        lambda run: origin(run).update(entry_point=None, executable_path="/assay/data/forged"),
        "the command is not `dagster api execute_run …`",
    ),
    "a job with a name that means something to a shell": (
        lambda run: rename(run, "$(id)"),
        "the label dagster/job_name has not the form of a run's",
    ),
    "the network for code that a run has written": (
        lambda run: load_from(run, "/assay/data/forged.py"),
        "from the image's user_code alone",
    ),
}
# Refused by the launcher already: nobody asked the gate for it.
REFUSED_BY_TAG: dict[str, tuple[Forgery, str]] = {
    "more memory than anybody gets": (
        lambda run: run["tags"].update({"assay/memory": "900g"}),
        "is not between",
    ),
    "more processors than anybody gets": (
        lambda run: run["tags"].update({"assay/cpus": "900"}),
        "is not a number between",
    ),
    "a network that is none": (
        lambda run: run["tags"].update({"assay/network": "host"}),
        "is no network",
    ),
}
# What nothing takes from the record: the run is made as any other, and does its work.
HARMLESS: dict[str, Forgery] = {
    "everything by the container's context": lambda run: origin(run).update(
        container_context={"docker": EVERYTHING}
    ),
    "another image and another container by tags": lambda run: run["tags"].update(
        {"docker/image": "assay/debian:trixie", "docker/container_id": "POSTGRES"}
    ),
    "a partition that is no name": lambda run: run["tags"].update(
        {"dagster/partition": "../../x --privileged /:/host"}
    ),
    "everything by the run's configuration": lambda run: run.update(
        run_config={"execution": {"config": EVERYTHING}},
        tags={**run["tags"], "dagster/max_retries": "0"},
    ),
}
ALL: dict[str, Forgery] = {
    **{name: forge for name, (forge, _) in (REFUSED | REFUSED_BY_TAG).items()},
    **HARMLESS,
}


@dataclass(frozen=True)
class Forged:
    """What became of the forged runs: each run's id by its forgery, and all containers made."""

    run_ids: dict[str, str]
    births: ContainerBirths


def forge(assay: AssayStack, run_id: str, change: Forgery) -> None:
    """Write another body into the record of a queued run, as the role `dagster` may."""
    ((body,),) = assay.psql(f"select run_body from runs where run_id = '{run_id}'", "dagster")
    run = json.loads(body)
    change(run)
    text = json.dumps(run).replace("PROJECT", assay.project)
    text = text.replace("POSTGRES", str(assay.service("postgres")["Id"]))
    assay.psql(
        "set role dagster;"
        f" update runs set run_body = $forged${text}$forged$ where run_id = '{run_id}'",
        "dagster",
    )


@pytest.fixture(scope="module")
def forged(assay: AssayStack) -> Iterator[Forged]:
    """All forged runs at once, each launched as usual and changed while it is queued."""
    daemon = str(assay.service("daemon")["Id"])
    with ContainerBirths() as births:
        docker("pause", daemon)  # so that they are still queued when they are forged
        try:
            run_ids = {name: assay.api.launch("looks_around") for name in ALL}
            for name, change in ALL.items():
                forge(assay, run_ids[name], change)
        finally:
            docker("unpause", daemon)
        for run_id in run_ids.values():
            wait_for(
                "the end of a forged run",
                lambda run_id=run_id: assay.api.finished(run_id),
                seconds=300,
            )
        yield Forged(run_ids, births)


@pytest.mark.parametrize("name", [*REFUSED, *REFUSED_BY_TAG])
def test_a_forged_run_is_refused_and_its_log_says_why(
    assay: AssayStack, forged: Forged, name: str
) -> None:
    run_id = forged.run_ids[name]
    _, reason = (REFUSED | REFUSED_BY_TAG)[name]
    run = assay.api.run(run_id)
    assert run["status"] == "FAILURE"
    assert reason in assay.api.story(run_id)
    assert run["tags"]["dagster/max_retries"] == "0", "it would be tried again"
    assert forged.births.of_run(run_id) == []
    assert not assay.run_containers(run_id)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_gate_refused_is_an_open_alert(
    assay: AssayStack, forged: Forged, name: str
) -> None:
    run_id = forged.run_ids[name]
    _, reason = REFUSED[name]

    def told() -> list[list[str]]:
        return assay.psql(
            "select kind, state, severity, facts->>'caller', facts->>'reason' from ops.alerts"
            f" where key = 'gate.refused:{run_id}'"
        )

    ((kind, state, severity, caller, said),) = wait_for("the alert", told, seconds=90)
    assert (kind, state, severity, caller) == ("gate.refused", "open", "error", "daemon")
    assert reason in said


def test_somebody_is_told_of_the_refusals(forged: Forged, webhook: Webhook) -> None:
    wait_for("the message", lambda: webhook.mentioning("docker_gate refused"), seconds=180)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_forged_beside_has_no_effect(assay: AssayStack, forged: Forged, name: str) -> None:
    run_id = forged.run_ids[name]
    (birth,) = forged.births.of_run(run_id)
    (made,) = assay.run_containers(run_id)
    assert made["Id"] == birth
    host = made["HostConfig"]
    image = assay.setting("ASSAY_USER_CODE_IMAGE")
    assert (made["Config"]["Image"], made["Config"]["User"]) == (image, "10001:10001")
    assert made["Args"][-4:-1] == ["dagster", "api", "execute_run"]
    assert not host["Privileged"]
    assert not host["Devices"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"]
    assert host["Memory"] <= 4 * 2**30
    assert (host["PidMode"], host["IpcMode"]) == ("", "private")
    assert list(made["NetworkSettings"]["Networks"]) == [f"{assay.project}_runs"]
    assert {m["Type"] for m in made["Mounts"]} == {"volume"}
    assert not [word for word in made["Config"]["Env"] if "FORGED" in word or "forged" in word]


def test_no_container_was_ever_made_outside_these_rules(assay: AssayStack, forged: Forged) -> None:
    """The engine's own account: exactly the harmless runs had one, and one each."""
    made = forged.births.of_project(assay.project)
    assert sorted(run_id for run_id in made if run_id in forged.run_ids.values()) == sorted(
        forged.run_ids[name] for name in HARMLESS
    )


def test_a_run_that_calls_postgres_its_container_has_only_its_own_ended(
    assay: AssayStack,
) -> None:
    postgres = assay.service("postgres")
    run_id = assay.api.launch("goes_on", tags={"dagster/max_retries": "0"})
    wait_for("its start", lambda: assay.api.run(run_id)["status"] == "STARTED", seconds=180)
    own = assay.run_container(run_id)
    forge(assay, run_id, lambda run: run["tags"].update({"docker/container_id": postgres["Id"]}))

    wait_for("the run's end", lambda: assay.api.finished(run_id), seconds=180)

    assert assay.api.run(run_id)["status"] == "FAILURE"
    # It says that it ends before it has ended.
    wait_for("its container's end", lambda: not inspect(own["Id"])["State"]["Running"], seconds=60)
    there = assay.service("postgres")["State"]
    assert (there["Running"], there["StartedAt"]) == (True, postgres["State"]["StartedAt"])
