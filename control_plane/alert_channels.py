"""Where alerts go: one Apprise URL for each channel. The URLs hold secrets and are never shown."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Literal
from urllib.parse import quote, unquote

import apprise

Severity = Literal["info", "warning", "error", "critical", "resolved"]

_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "error": apprise.NotifyType.FAILURE,
    "critical": apprise.NotifyType.FAILURE,
    "resolved": apprise.NotifyType.SUCCESS,
}
ERROR_CHARACTERS = 300


@dataclass(frozen=True)
class Channel:
    """One receiver of alerts. `url` is a secret; `name` and `id` are not."""

    url: str
    tags: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The same for the same URL, tells nothing of it: how deliveries are booked."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What a person recognises: the kind of channel and the beginning of its id."""
        return f"{self.url.partition('://')[0]} ({self.id[:6]})"

    def is_understood(self) -> bool:
        """Whether Apprise knows what to do with the URL."""
        with _apprise_log():
            return bool(apprise.Apprise().add(self.url))

    def send(
        self, title: str, body: str, severity: Severity, fields: Mapping[str, str] | None = None
    ) -> str | None:
        """Send one message; None if the channel took it, else why not, without any secret.

        `fields` go along by name where the channel carries such (json, form and xml webhooks).

        Takes some seconds at most for most channels: Apprise has time limits of its own. Never
        raises: a channel that breaks is a channel that refuses.
        """
        sender = apprise.Apprise()
        with _apprise_log() as log:
            try:
                if not sender.add(self._url_with(fields or {})):
                    return "Apprise does not understand this URL: correct it"
                taken = sender.notify(
                    title=title,
                    body=body,
                    notify_type=_TYPES[severity],
                    body_format=apprise.NotifyFormat.TEXT,
                )
            except Exception as error:
                return self._without_secrets(f"{type(error).__name__}: {error}")
            if taken:
                return None
            return self._without_secrets(log.getvalue()) or "refused without a reason"

    def _url_with(self, fields: Mapping[str, str]) -> str:
        """The URL, with what makes a long message several ones instead of a refusal."""
        words = [] if "overflow=" in self.url else ["overflow=split"]
        if re.match(r"(json|form|xml)s?://", self.url, re.IGNORECASE):
            # Quoted twice: Apprise unquotes the query as a whole, and then each field.
            words += [f":{name}={quote(quote(value, safe=''))}" for name, value in fields.items()]
        return self.url + ("&" if "?" in self.url else "?") + "&".join(words) if words else self.url

    def _without_secrets(self, text: str) -> str:
        parts = {part for part in re.split(r"[/:@?&=#,+]+", self.url)[1:] if len(part) > 2}
        for part in sorted(parts | {unquote(part) for part in parts}, key=len, reverse=True):
            text = text.replace(part, "•••")
        return " ".join(text.split())[:ERROR_CHARACTERS]


def channels(lines: Iterable[str]) -> list[Channel]:
    """The channels of `lines`, each an Apprise URL, or `tag,tag=URL` as in Apprise's own files.

    Tags are what routes name. Empty lines and comments are passed over; a URL counts once.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        tagged = re.fullmatch(r"([\w.-]+(?:\s*,\s*[\w.-]+)*)\s*=\s*(\S+://.*)", text)
        tags, url = (tagged[1], tagged[2]) if tagged else ("", text)
        found[url] = (*found.get(url, ()), *(tag.strip() for tag in tags.split(",") if tag.strip()))
    return [Channel(url, tags) for url, tags in found.items()]


@contextmanager
def _apprise_log() -> Iterator[StringIO]:
    """What Apprise says meanwhile. It says whole URLs, so that nobody else may hear it."""
    logger = logging.getLogger("apprise")
    before, logger.propagate = logger.propagate, False
    try:
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
            yield log
    finally:
        logger.propagate = before
