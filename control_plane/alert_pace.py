"""When an alert is sent: at once, with those that come with it, or in one digest of a storm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Times in seconds. An alert waits `group` for others, unless it is critical.

    `digest_from` alerts together are a storm: it is told in one message once nothing came for
    `quiet`, and after `longest` in any case.
    """

    group: float = 20
    quiet: float = 25
    longest: float = 180
    digest_from: int = 5


@dataclass(frozen=True)
class Due:
    """One delivery that may go now: seconds since its alert changed, and attempts so far."""

    age: float
    attempts: int
    critical: bool


def send_now(due: Sequence[Due], pace: Pace) -> list[int]:
    """Which of `due` (oldest first) go now, as one message: their indexes; none means wait.

    Urgent ones go first and alone. What was refused before goes after what was not.
    """
    if not due:
        return []
    least = min(one.attempts for one in due)
    chosen = [index for index, one in enumerate(due) if one.attempts == least]
    urgent = [index for index in chosen if due[index].critical]
    if urgent:
        return urgent if len(urgent) >= pace.digest_from else urgent[:1]
    oldest = max(due[index].age for index in chosen)
    newest = min(due[index].age for index in chosen)
    if oldest < pace.group:
        return []
    if len(chosen) < pace.digest_from:
        return chosen[:1]
    if newest < pace.quiet and oldest < pace.longest:
        return []
    return chosen
