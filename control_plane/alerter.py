"""`python -m control_plane.alerter`: sends what ops.alerts tells, through every channel."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg2

from control_plane.alert_channels import Channel, channels
from control_plane.alert_outbox import deliver, give_up, plan
from control_plane.alert_text import Transition, message
from control_plane.health import note_health
from control_plane.service_log import service_log
from control_plane.settings import Settings, SettingsError, settings

log = service_log("alerter")

POLL_SECONDS = 3


def work_once(connection: Any, here: Settings, to: Sequence[Channel]) -> None:
    """Book and send all that is due. Raises psycopg2.Error if the warehouse is away."""
    plan(connection, [channel.id for channel in to])
    for key in give_up(connection):
        log.error("Alert %s was not taken by a channel for days: given up.", key)
    for channel in to:

        def send(transitions: Sequence[Transition], channel: Channel = channel) -> str | None:
            note_health("alerter")  # a slow channel is no illness
            text = message(transitions, here.project, here.ui_url)
            return channel.send(text.title, text.body, text.severity)

        sent, error = deliver(connection, channel.id, send)
        if sent:
            log.info("%d alerts sent to %s.", sent, channel.name)
        if error:
            log.warning("%s did not take an alert, it will be tried again: %s", channel.name, error)


def understood(here: Settings) -> list[Channel]:
    """The channels that can be sent to; says what of ASSAY_ALERT_URLS cannot."""
    found = channels(here.alert_urls)
    usable = [channel for channel in found if channel.is_understood()]
    for channel in found:
        if channel not in usable:
            log.error("Apprise does not understand %s: correct ASSAY_ALERT_URLS.", channel.name)
    if not usable:
        log.warning("No channel in ASSAY_ALERT_URLS: alerts stay in the list, nobody is told.")
    return usable


def run(here: Settings) -> None:
    """Look every few seconds, for ever; a warehouse that is away is waited for."""
    dsn = here.warehouse_dsn("alerter")
    to = understood(here)
    complaint = ""
    while True:
        try:
            with closing(psycopg2.connect(dsn)) as connection:
                if complaint:
                    log.info("The warehouse answers again.")
                complaint = ""
                while True:
                    work_once(connection, here, to)
                    note_health("alerter")
                    time.sleep(POLL_SECONDS)
        except psycopg2.Error as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            note_health("alerter", f"the warehouse does not answer: {reason}")
            if reason != complaint:
                log.warning("The warehouse does not answer: %s", reason)
                complaint = reason
            time.sleep(POLL_SECONDS)


def main() -> int:
    """Run until stopped; 1 if a setting is missing or wrong."""
    # As process 1 of a container Python would ignore a SIGTERM that nobody handles.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(settings())
    except SettingsError as error:
        print(f"assay.alerter: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
