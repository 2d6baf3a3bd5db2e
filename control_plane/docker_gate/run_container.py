"""A create request, rebuilt: the engine gets what is written here, never what was sent.

From the request come only the image's tag, the run's arguments, the values of known variables, the
run's id and job, and how much of the allowed memory and CPU it takes; each is checked. Everything
else is fixed. Then the request is compared with the result: if it asks for anything that the
result has not, it is refused, so that nobody believes to have got it.
"""

from __future__ import annotations

import json
import re
from typing import cast

from control_plane.container_labels import (
    JOB_NAME_LABEL,
    NETWORK_LABEL,
    OUTSIDE,
    PARTITION_LABEL,
    RUN_ID_LABEL,
)
from control_plane.docker_gate.outside import check_may_go_outside
from control_plane.docker_gate.policy import (
    ENVIRONMENT,
    LEAST_MEMORY,
    LEAST_NANO_CPUS,
    PIDS,
    USER,
    Policy,
)
from control_plane.docker_gate.refusal import RefusedError, shown

JsonObject = dict[str, object]

VALUE_CHARACTERS = 4096
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JOB_NAME = re.compile(r"[A-Za-z0-9_]{1,200}")
# One partition, or the first and the last of a range with two dots between.
_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# How Dagster begins the command of a run; the fourth word is its arguments.
_COMMAND = ["dagster", "api", "execute_run"]


def rebuild(asked: JsonObject, policy: Policy) -> JsonObject:
    """The body of the create request that goes to the engine.

    RefusedError, with what did not fit, if `asked` is more or something else than a run of
    `policy`'s project. Whether the image is there is not looked at.
    """
    labels = _part(asked, "Labels")
    run_id = _text(labels.get(RUN_ID_LABEL), _RUN_ID, f"the label {RUN_ID_LABEL}")
    job_name = _text(labels.get(JOB_NAME_LABEL), _JOB_NAME, f"the label {JOB_NAME_LABEL}")
    known = {RUN_ID_LABEL: run_id, JOB_NAME_LABEL: job_name}
    if labels.get(PARTITION_LABEL):
        partition = _text(labels[PARTITION_LABEL], _PARTITION, f"the label {PARTITION_LABEL}")
        known[PARTITION_LABEL] = partition
    command = _command(asked.get("Cmd"), run_id)
    environment = _environment(asked.get("Env"), job_name)
    if labels.get(NETWORK_LABEL):
        check_may_go_outside(job_name, command[-1], policy)
        known[NETWORK_LABEL] = OUTSIDE
    host = _part(asked, "HostConfig")
    memory = _number(host.get("Memory"), LEAST_MEMORY, policy.most_memory, "Memory")
    cpus = _number(host.get("NanoCpus"), LEAST_NANO_CPUS, policy.most_nano_cpus, "NanoCpus")
    built: JsonObject = {
        "Image": _image(asked.get("Image"), policy),
        # No Entrypoint: the image's own gets this command. Whose image it is, the gate looks up.
        "Cmd": command,
        "Env": environment,
        "User": USER,
        "Labels": {**policy.labels, **known},
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "Memory": memory,
            "MemorySwap": memory,  # the same number means: no swap
            "NanoCpus": cpus,
            "PidsLimit": PIDS,
            "Binds": policy.binds,
            "NetworkMode": policy.network,
            # Names of the run network are answered by the engine; no question leaves it.
            "Dns": ["127.0.0.1"],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": "rw,nosuid,nodev,noexec,size=1g,mode=1777"},  # noqa: S108
            "IpcMode": "private",
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {
                "Type": "json-file",
                "Config": {"max-size": "10m", "max-file": "2"},
            },
        },
        "NetworkingConfig": {"EndpointsConfig": {policy.network: {}}},
    }
    # docker-py says once more where the volumes are.
    places: JsonObject = {bind.split(":")[1]: {} for bind in policy.binds}
    allowed: JsonObject = {**built, "Volumes": places}
    surplus = _surplus(asked, allowed)
    if surplus is not None:
        raise RefusedError(403, f"a run's container cannot have {surplus}")
    if is_outside(built):
        built["Env"] = [*environment, *policy.outside_environment]
    return built


def is_outside(built: JsonObject) -> bool:
    """Whether the container joins the network of outside runs, too."""
    return _part(built, "Labels").get(NETWORK_LABEL) == OUTSIDE


def container_name(built: JsonObject, policy: Policy) -> str:
    """A name that a person recognises: job, partition, the run id's beginning.

    The same run cannot have two containers: the engine refuses the second one's name.
    """
    labels = _part(built, "Labels")
    job_name = str(labels[JOB_NAME_LABEL]).strip("_").lower() or "run"
    words = [policy.project, "run", job_name[:40]]
    if PARTITION_LABEL in labels:
        words.append(str(labels[PARTITION_LABEL]))
    return "-".join([*words, str(labels[RUN_ID_LABEL])[:8]])


def _part(asked: JsonObject, key: str) -> JsonObject:
    part = asked.get(key)
    if not isinstance(part, dict):
        raise RefusedError(403, f"{key} is missing")
    return part


def _text(value: object, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise RefusedError(403, f"{what} has not the form of a run's: {shown(value)}")
    return value


def _number(value: object, least: int, most: int, name: str) -> int:
    if value is None:
        return most
    if type(value) is not int or not least <= value <= most:
        raise RefusedError(403, f"{name}={shown(value)} is not between {least} and {most}")
    return value


def _image(value: object, policy: Policy) -> str:
    repository, _, tag = value.partition(":") if isinstance(value, str) else ("", "", "")
    if repository != policy.image_repository or _TAG.fullmatch(tag) is None:
        raise RefusedError(
            403,
            f"the image {shown(value)} is not deployed user code of this project "
            f"({policy.image_repository}:…)",
        )
    return f"{repository}:{tag}"


def _command(value: object, run_id: str) -> list[str]:
    if isinstance(value, list) and value[:-1] == _COMMAND and isinstance(value[-1], str):
        try:
            arguments = json.loads(value[-1])
        except (ValueError, RecursionError):
            arguments = None
        if (
            isinstance(arguments, dict)
            and arguments.get("__class__") == "ExecuteRunArgs"
            and arguments.get("pipeline_run_id") == run_id
        ):
            return [*_COMMAND, value[-1]]
    begin = value[: len(_COMMAND)] if isinstance(value, list) else value
    raise RefusedError(
        403,
        f"the command is not `{' '.join(_COMMAND)} …` of the run in its label: {shown(begin)}",
    )


def _environment(value: object, job_name: str) -> list[str]:
    if value is None:
        value = []
    if not isinstance(value, list):
        raise RefusedError(403, "Env is not a list")
    told: dict[str, str] = {}
    for line in value:
        name, equals, text = line.partition("=") if isinstance(line, str) else ("", "", "")
        # Messages name the variable, never its value.
        if not equals or name not in ENVIRONMENT or name in told:
            raise RefusedError(403, f"a run is not told the variable {shown(name)}, or not twice")
        if len(text) > VALUE_CHARACTERS or not text.isprintable():
            raise RefusedError(403, f"the value of {name} is too long or not plain text")
        told[name] = text
    if told.get("DAGSTER_RUN_JOB_NAME", job_name) != job_name:
        raise RefusedError(
            403, f"DAGSTER_RUN_JOB_NAME is not the job in the label {JOB_NAME_LABEL}"
        )
    return [f"{name}={text}" for name, text in told.items()]


def _surplus(asked: object, allowed: object, path: str = "") -> str | None:
    """What `asked` has beyond `allowed`, as `path=value`; None if there is nothing."""
    if _says_nothing(asked) or asked == allowed:
        return None
    if isinstance(asked, dict) and isinstance(allowed, dict):
        for key, value in cast(JsonObject, asked).items():
            inner = f"{path}.{key}" if path else key
            if key not in allowed:
                found = None if _says_nothing(value) else f"{shown(inner)}={shown(value)}"
            else:
                found = _surplus(value, allowed[key], inner)
            if found is not None:
                return found
        return None
    if isinstance(asked, list) and isinstance(allowed, list):
        more = [item for item in asked if item not in allowed]
        return f"{shown(path)}={shown(more or asked)}"
    return f"{shown(path)}={shown(asked)}"


def _says_nothing(value: object) -> bool:
    """Whether `value` is what a left-out one means: it is not passed on in any case."""
    return value is None or value is False
