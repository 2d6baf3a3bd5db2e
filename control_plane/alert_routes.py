"""Which alerts go to which channels: a small YAML file, checked as a whole.

    routes:
      - {domain: finance, to: [finance-team]}
      - {severity: critical, to: [on-call]}
      - {owner: "team:genomics", kind: "run.*", to: [genomics-team, archive]}
      - {asset: "historical_*", severity: warning, to: []}

An alert goes to the channels of every route that fits it, `to: []` to none. One that no route fits
goes to all channels, and so does every alert while the file is wrong: nothing is lost by a typo.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from control_plane.alert_channels import Channel
from control_plane.alert_text import Transition


class RoutesError(ValueError):
    """The file of routes cannot be understood; the message says where and why."""


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


_Patterns = Annotated[list[str], BeforeValidator(_listed)]
_Severities = Annotated[
    list[Literal["info", "warning", "error", "critical"]], BeforeValidator(_listed)
]


class Route(BaseModel):
    """Conditions, all of which must hold, and tags of channels. Texts may have `*` and `?`."""

    model_config = ConfigDict(extra="forbid")

    severity: _Severities = Field(default_factory=list)
    domain: _Patterns = Field(default_factory=list)
    owner: _Patterns = Field(default_factory=list)
    asset: _Patterns = Field(default_factory=list)
    kind: _Patterns = Field(default_factory=list)
    to: _Patterns

    def fits(self, one: Transition) -> bool:
        """Whether the alert meets every condition of this route."""
        owners = one.facts.get("owners")
        return (
            (not self.severity or one.severity in self.severity)
            and _any_fits(self.domain, [one.domain])
            and _any_fits(self.kind, [one.kind])
            and _any_fits(self.asset, [str(one.facts.get("asset", one.facts.get("step", "")))])
            and _any_fits(self.owner, [str(o) for o in owners] if isinstance(owners, list) else [])
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    routes: list[Route] = Field(default_factory=list)


def read_routes(file: Path, channels: Sequence[Channel]) -> list[Route]:
    """The routes in `file`; none if there is no such file. RoutesError if something is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise RoutesError(f"{file} can't be read: {error}") from None
    try:
        routes = _File.model_validate(yaml.safe_load(text) or {}).routes
    except yaml.YAMLError as error:
        raise RoutesError(f"{file} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise RoutesError(f"{file}, {where}: {wrong['msg']}") from None
    known = {tag for channel in channels for tag in channel.tags}
    for number, route in enumerate(routes):
        unknown = sorted(set(route.to) - known)
        if unknown:
            raise RoutesError(
                f"{file}, routes.{number}.to: no channel has the tag {unknown[0]!r}; tags stand "
                f"before a channel's URL, as in {unknown[0]}=slack://…"
            )
    return routes


def destinations(
    one: Transition, routes: Sequence[Route], channels: Sequence[Channel]
) -> list[Channel]:
    """The channels that `one` goes to."""
    fitting = [route for route in routes if route.fits(one)]
    if not fitting:
        return list(channels)
    tags = {tag for route in fitting for tag in route.to}
    return [channel for channel in channels if tags.intersection(channel.tags)]


def _any_fits(patterns: Sequence[str], values: Sequence[str]) -> bool:
    return not patterns or any(
        fnmatchcase(value, pattern) for value in values for pattern in patterns
    )
