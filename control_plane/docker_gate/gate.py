"""From a known call to the engine and back: only our containers, only what the caller needs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from control_plane.container_labels import RUN_ID_LABEL
from control_plane.docker_gate.calls import Call
from control_plane.docker_gate.engine import Answer, Engine
from control_plane.docker_gate.policy import Policy
from control_plane.docker_gate.refusal import RefusedError, shown
from control_plane.docker_gate.refusals import Refusals
from control_plane.docker_gate.run_container import (
    JsonObject,
    container_name,
    is_outside,
    rebuild,
)
from control_plane.docker_gate.strict_json import parse_object

WAIT_SECONDS = 120.0
MOST_STOP_SECONDS = 120

# Of what the engine knows, this is told, for somebody needs it; the environment is not.
_INSPECTED = ("Id", "Name", "State")
_INSPECTED_CONFIG = ("Image", "Labels", "Tty")
_INSPECTED_HOST = ("Memory",)
_LISTED = ("Id", "Created", "State", "Labels")
_VERSION = ("ApiVersion",)


@dataclass(frozen=True)
class Gate:
    """Answers known calls for one project."""

    engine: Engine
    policy: Policy
    refusals: Refusals = field(default_factory=Refusals)

    def answer(self, call: Call) -> Answer:
        """The engine's answer, cut to what is needed. RefusedError if `call` is not allowed."""
        if call.name == "version":
            return _json(_only(self.engine.ask("GET", "/version"), _VERSION))
        if call.name == "refusals":
            return _json(self.refusals.after(call.after))
        if call.name == "create":
            return self._create(call)
        if call.name == "list":
            return self._list(call)
        known = self._our_container(call)
        if call.name == "inspect":
            return _json(known)
        return replace(self._to_container(call), about=str(known.get("Name", "")).lstrip("/"))

    def _to_container(self, call: Call) -> Answer:
        at = f"{call.version}/containers/{call.container}"
        if call.name == "stop":
            seconds = min(call.seconds, MOST_STOP_SECONDS)
            return self.engine.ask(
                "POST", f"{at}/stop", {"t": str(seconds)}, seconds=seconds + WAIT_SECONDS
            )
        if call.name == "logs":
            query = {"stdout": "1", "stderr": "1", "tail": str(call.tail)}
            return self.engine.ask("GET", f"{at}/logs", query)
        if call.name == "remove":
            return self.engine.ask("DELETE", at, {"v": "1"} if call.volumes else None)
        if call.name in ("start", "kill", "wait"):
            return self.engine.ask("POST", f"{at}/{call.name}", seconds=WAIT_SECONDS)
        raise RefusedError(403, f"nobody may {call.name} containers")

    def _create(self, call: Call) -> Answer:
        built = rebuild(parse_object(call.body), self.policy)
        image = str(built["Image"])
        found = self.engine.ask("GET", f"{call.version}/images/{image}/json")
        if found.status == 404:
            raise RefusedError(404, f"No such image: {image}")
        if found.status != 200:
            raise RefusedError(502, f"the engine does not know about the image {image}")
        labels = _object(_object(found.json()).get("Config")).get("Labels")
        if not self._are_ours(labels, kind="user_code"):
            raise RefusedError(
                403,
                f"the image {image} was not built as user code of the project "
                f"{self.policy.project}: its labels say otherwise. `make redeploy` builds one.",
            )
        name = container_name(built, self.policy)
        answer = self.engine.ask("POST", f"{call.version}/containers/create", {"name": name}, built)
        if answer.status == 201 and is_outside(built):
            self._join_outside(call, str(_object(answer.json()).get("Id")))
        return replace(answer, about=name)

    def _join_outside(self, call: Call, container: str) -> None:
        """Connect the new container to the proxy's network, too; without it there is none.

        By a call of its own: older engines take one network in a create request.
        """
        network = self.policy.outside_network
        joined = self.engine.ask(
            "POST", f"{call.version}/networks/{network}/connect", body={"Container": container}
        )
        if joined.status != 200:
            self.engine.ask("DELETE", f"{call.version}/containers/{container}", {"v": "1"})
            raise RefusedError(
                409,
                f"the run may reach the outside, but cannot join {network}: the egress proxy is "
                "not set up. `make up` does it once ASSAY_OUTSIDE_JOBS is set.",
            )

    def _list(self, call: Call) -> Answer:
        ours = [f"{name}={value}" for name, value in self.policy.labels.items()]
        ours.append(RUN_ID_LABEL)
        if call.filters:
            filters = parse_object(call.filters.encode())
            asked = filters.pop("label", [])
            if filters or not isinstance(asked, list) or any(one not in ours for one in asked):
                raise RefusedError(403, f"the filters {shown(call.filters)} are not known here")
        query = {"filters": json.dumps({"label": ours})}
        if call.everything:
            query["all"] = "1"
        answer = self.engine.ask("GET", f"{call.version}/containers/json", query)
        if answer.status != 200:
            return answer
        listed = answer.json()
        return _json(
            [
                {key: item[key] for key in _LISTED if key in item}
                for item in map(_object, listed if isinstance(listed, list) else [])
                if self._are_ours(item.get("Labels"))
            ]
        )

    def _our_container(self, call: Call) -> JsonObject:
        """What may be told of the container. RefusedError (404) unless it is a run of ours.

        Labels never change and an id is never used again: what is ours now stays ours.
        """
        answer = self.engine.ask("GET", f"{call.version}/containers/{call.container}/json")
        known = _object(answer.json()) if answer.status == 200 else {}
        config, host = _object(known.get("Config")), _object(known.get("HostConfig"))
        if known.get("Id") != call.container or not self._are_ours(config.get("Labels")):
            if answer.status not in (200, 404):
                raise RefusedError(502, f"the engine answers {answer.status}")
            raise RefusedError(404, f"No such container: {call.container}")
        return {
            **{key: known[key] for key in _INSPECTED if key in known},
            "Config": {key: config[key] for key in _INSPECTED_CONFIG if key in config},
            "HostConfig": {key: host[key] for key in _INSPECTED_HOST if key in host},
        }

    def _are_ours(self, labels: object, kind: str = "run") -> bool:
        expected = {**self.policy.labels, "assay.kind": kind}
        return isinstance(labels, dict) and expected.items() <= labels.items()


def _only(answer: Answer, keys: tuple[str, ...]) -> JsonObject:
    if answer.status != 200:
        raise RefusedError(502, f"the engine answers {answer.status}")
    known = _object(answer.json())
    return {key: known[key] for key in keys if key in known}


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _json(value: object) -> Answer:
    return Answer(200, "application/json", json.dumps(value).encode())
