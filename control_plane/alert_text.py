"""An alert as a person reads it: what, since when, how bad, where to look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from control_plane.alert_channels import Severity

FACT_LINES = 20
FACT_CHARACTERS = 300
DIGEST_LINES = 250
_MINUTE = "%Y-%m-%d %H:%M"

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
    first_seen: datetime

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
    # For receivers that read fields: one alert's own, and all of a message as JSON in `alerts`.
    fields: Mapping[str, str]


def message(transitions: Sequence[Transition], project: str, ui_url: str) -> Message:
    """One message for `transitions` (at least one): its whole text, or a digest of several."""
    every = [_fields(one, project, ui_url) for one in transitions]
    if len(transitions) == 1:
        return _single(transitions[0], project, every[0])
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
        fields={"alerts": json.dumps(every)},
    )


def _single(one: Transition, project: str, fields: Mapping[str, str]) -> Message:
    facts = [
        f"{name}: {_said(value)}"[:FACT_CHARACTERS]
        for name, value in list(one.facts.items())[:FACT_LINES]
        if value not in ("", [], None)
    ]
    end = [
        f"{one.kind}, key {one.key}",
        f"first seen {one.first_seen:{_MINUTE}}, last seen {one.at:{_MINUTE}} (UTC)",
        *([fields["link"]] if fields["link"] else []),
    ]
    return Message(
        title=f"[{project}] {_headline(one)}",
        body="\n".join([*facts, *end]),
        severity=one.weight,
        fields={**fields, "alerts": json.dumps([fields])},
    )


def _said(value: object) -> object:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else value


def _fields(one: Transition, project: str, ui_url: str) -> dict[str, str]:
    """What a program needs: `delivery` is the same whenever this change is sent again."""
    link = f"{ui_url}{one.link}" if one.link.startswith("/") else one.link or ui_url
    return {
        "delivery": f"{project}:{one.id}",
        "key": one.key,
        "change": one.transition,
        "severity": one.severity,
        "kind": one.kind,
        "domain": one.domain,
        "subject": one.subject,
        "link": link,
        "first_seen": one.first_seen.astimezone(UTC).isoformat(timespec="seconds"),
        "last_seen": one.at.astimezone(UTC).isoformat(timespec="seconds"),
    }


def _headline(one: Transition) -> str:
    where = f"{one.domain}: " if one.domain else ""
    return f"{one.weight}: {where}{one.subject}"
