"""The few calls that are known, who may make them, and with which parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from control_plane.docker_gate.http_request import Request
from control_plane.docker_gate.refusal import RefusedError, shown

# A call's name → method, path behind the API version, and what each parameter may be.
# Booleans as docker-py writes them. Only whole ids: a name or the beginning of an id could mean
# another container in a moment.
_ID = "/containers/(?P<id>[0-9a-f]{64})"
_CALLS: dict[str, tuple[str, str, dict[str, str]]] = {
    "list": (
        "GET",
        "/containers/json",
        {"all": "[01]", "limit": "-1", "size": "0", "trunc_cmd": "0", "filters": ".+"},
    ),
    "create": ("POST", "/containers/create", {}),
    "inspect": ("GET", f"{_ID}/json", {}),
    "start": ("POST", f"{_ID}/start", {}),
    "stop": ("POST", f"{_ID}/stop", {"t": "[0-9]{1,3}"}),
    "kill": ("POST", f"{_ID}/kill", {}),
    "wait": ("POST", f"{_ID}/wait", {}),
    "logs": (
        "GET",
        f"{_ID}/logs",
        {
            "stdout": "1",
            "stderr": "1",
            "timestamps": "0",
            "follow": "0",
            "tail": "[1-9][0-9]{0,2}",
        },
    ),
    "remove": ("DELETE", _ID, {"v": "True|False", "link": "False", "force": "False"}),
}
_VERSIONED = re.compile(r"(?P<version>/v1\.[0-9]{2})(?P<path>/.+)")

# What each caller may, besides asking for the version.
CALLERS: dict[str, frozenset[str]] = {
    "daemon": frozenset({"refusals", *_CALLS}),
    "webserver": frozenset({"inspect", "stop"}),
}


@dataclass(frozen=True)
class Call:
    """One known call: its name, the API version as in the path, and what it is about.

    `container` is empty for the calls that are not about one, `seconds` is stop's grace time,
    `tail` the number of lines of logs, `body` the create request; `after` is of refusals, which is
    no call of the engine's: the gate itself answers it.
    """

    name: str
    version: str = ""
    container: str = ""
    seconds: int = 10
    tail: int = 100
    everything: bool = False
    volumes: bool = False
    filters: str = ""
    after: int = 0
    body: bytes = b""


def recognise(request: Request, caller: str) -> Call:
    """The call that `request` makes. RefusedError if it is none, or not for `caller`."""
    if (request.method, request.path) == ("GET", "/version"):
        _check_query(request, {})
        return Call("version")
    if (request.method, request.path) == ("GET", "/refusals") and "refusals" in CALLERS[caller]:
        _check_query(request, {"after": "[0-9]{1,19}"})
        return Call("refusals", after=int(request.query.get("after", "0")))
    versioned = _VERSIONED.fullmatch(request.path)
    for name, (method, pattern, parameters) in _CALLS.items():
        found = versioned and re.fullmatch(pattern, versioned["path"])
        if not versioned or not found or method != request.method:
            continue
        if name not in CALLERS[caller]:
            raise RefusedError(403, f"the {caller} may not {name} containers")
        _check_query(request, parameters)
        _check_body(request, name)
        query = request.query
        return Call(
            name,
            versioned["version"],
            found.groupdict().get("id") or "",
            seconds=int(query.get("t", "10")),
            tail=int(query.get("tail", "100")),
            everything=query.get("all") == "1",
            volumes=query.get("v") == "True",
            filters=query.get("filters", ""),
            body=request.body,
        )
    raise RefusedError(
        404 if request.method == "GET" else 403,
        f"{request.method} {shown(request.path)} is not among the calls that are known here",
    )


def _check_query(request: Request, parameters: dict[str, str]) -> None:
    for name, value in request.query.items():
        if name not in parameters or re.fullmatch(parameters[name], value) is None:
            raise RefusedError(403, f"the parameter {shown(name)}={shown(value)} is not known here")


def _check_body(request: Request, name: str) -> None:
    if name == "create":
        if request.content_type != "application/json":
            raise RefusedError(400, "a create request is application/json")
    elif request.body:
        raise RefusedError(400, f"{name} has no body")
