"""An alert as a person reads it: what, since when, how bad, where to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from control_plane.alert_channels import Severity

FACT_LINES = 20
FACT_CHARACTERS = 300
DIGEST_LINES = 50

_ORDER: tuple[Severity, ...] = ("resolved", "info", "warning", "error", "critical")


@dataclass(frozen=True)
class Transition:
    """An alert that opened or closed, as ops.alert_transitions tells it."""

    id: int
    key: str
    transition: str
    at: datetime
    kind: str
    severity: Severity
    domain: str
    subject: str
    facts: Mapping[str, object]
    link: str

    @property
    def weight(self) -> Severity:
        """How loud the message is: a closed alert is good news whatever it was."""
        return "resolved" if self.transition == "closed" else self.severity


@dataclass(frozen=True)
class Message:
    """What a channel is given."""

    title: str
    body: str
    severity: Severity


def message(transitions: Sequence[Transition], project: str, ui_url: str) -> Message:
    """One message for `transitions` (at least one): its whole text, or a digest of several."""
    if len(transitions) == 1:
        return _single(transitions[0], project, ui_url)
    opened = sum(t.transition == "opened" for t in transitions)
    lines = [f"{_headline(t)} [{t.key}]" for t in transitions[:DIGEST_LINES]]
    if len(transitions) > DIGEST_LINES:
        lines.append(f"… and {len(transitions) - DIGEST_LINES} more: `make alerts` lists all")
    if ui_url:
        lines += ["", ui_url]
    return Message(
        title=f"[{project}] {opened} alerts opened, {len(transitions) - opened} resolved",
        body="\n".join(lines),
        severity=max((t.weight for t in transitions), key=_ORDER.index),
    )


def _single(one: Transition, project: str, ui_url: str) -> Message:
    facts = [
        f"{name}: {value}"[:FACT_CHARACTERS] for name, value in list(one.facts.items())[:FACT_LINES]
    ]
    link = f"{ui_url}{one.link}" if one.link.startswith("/") else one.link or ui_url
    end = [f"{one.kind}, {one.at:%Y-%m-%d %H:%M} UTC, key {one.key}", *([link] if link else [])]
    return Message(
        title=f"[{project}] {_headline(one)}", body="\n".join([*facts, *end]), severity=one.weight
    )


def _headline(one: Transition) -> str:
    where = f"{one.domain}: " if one.domain else ""
    return f"{one.weight}: {where}{one.subject}"
