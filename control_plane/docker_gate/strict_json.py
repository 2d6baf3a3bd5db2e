"""JSON that every reader understands alike: no key twice, no NaN, no depth without end."""

from __future__ import annotations

import json
from typing import NoReturn

from control_plane.docker_gate.refusal import RefusedError, shown

DEPTH = 16


def parse_object(text: bytes) -> dict[str, object]:
    """The object in `text`. RefusedError if it is anything else, or ambiguous."""
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise RefusedError(400, "the body is not a JSON object")
    _check_depth(value, DEPTH)
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    lowered = set()
    for key, value in pairs:
        # The engine's reader (Go's) takes "privileged" for "Privileged".
        if key.lower() in lowered:
            raise RefusedError(400, f"the key {shown(key)} is there twice")
        lowered.add(key.lower())
        result[key] = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise RefusedError(400, f"{name} is not JSON")


def _check_depth(value: object, left: int) -> None:
    if left == 0:
        raise RefusedError(400, "the body is nested too deep")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, left - 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, left - 1)
