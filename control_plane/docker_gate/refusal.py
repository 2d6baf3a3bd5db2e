"""How a request is refused: by one exception, whose message reaches the run's log."""

from __future__ import annotations

import json

SHOWN_CHARACTERS = 80


class RefusedError(Exception):
    """The request goes no further. `status` is HTTP's, the message says what did not fit."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def shown(value: object) -> str:
    """`value` as one short line of ASCII, for a message or a log, whatever somebody sent."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
