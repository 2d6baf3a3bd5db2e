"""`python -m control_plane.alerter`: watches the platform and sends every alert.

The main thread plans deliveries and watches; each channel has a thread of its own, so that one
that hangs holds up nobody else.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg2

from control_plane.alert_channels import Channel, channels
from control_plane.alert_outbox import deliver, give_up, plan
from control_plane.alert_pace import Pace
from control_plane.alert_routes import Route, RoutesError, destinations, read_routes
from control_plane.alert_text import Transition, message
from control_plane.alert_watch import Watch
from control_plane.disk_space import disks
from control_plane.health import note_health
from control_plane.metrics import PlatformMetrics, serve_metrics
from control_plane.platform_state import platform_state
from control_plane.postgres_away import PostgresAway, who_is_told
from control_plane.postgres_silence import connect, never_wait_for_ever, why
from control_plane.service_log import service_log
from control_plane.settings import Settings, SettingsError, settings

log = service_log("alerter")

POLL_SECONDS = 3
WATCH_SECONDS = 20


def plan_once(connection: Any, to: Sequence[Channel], routes: Sequence[Route]) -> None:
    """Book what is new for the channels it goes to, and give up what nobody took for weeks."""

    def routed(one: Transition) -> list[str]:
        return [channel.id for channel in destinations(one, routes, to)]

    plan(connection, routed if to else None)
    for key in give_up(connection):
        log.error("Alert %s was not taken by a channel for weeks: given up.", key)


def send_once(connection: Any, here: Settings, channel: Channel, pace: Pace) -> None:
    """Send what is due for `channel`. Raises psycopg2.Error if the warehouse is away."""

    def send(transitions: Sequence[Transition]) -> str | None:
        text = message(transitions, here.project, here.ui_url)
        return channel.send(text.title, text.body, text.severity, text.fields)

    sent, error = deliver(connection, channel.id, send, pace)
    if sent:
        log.info("%d alerts sent to %s.", sent, channel.name)
    if error:
        log.warning("%s did not take an alert, it will be tried again: %s", channel.name, error)


def understood(here: Settings) -> list[Channel]:
    """The channels that can be sent to; says which cannot."""
    found = channels(here.alert_urls)
    usable = [channel for channel in found if channel.is_understood()]
    for channel in found:
        if channel not in usable:
            log.error("Apprise does not understand %s: correct its URL.", channel.name)
    if not usable:
        log.warning("No channel is set: alerts stay in the list, nobody is told.")
    return usable


def routes_of(here: Settings, to: Sequence[Channel]) -> list[Route]:
    """The routes; where their file is wrong none, so that every alert goes to all channels."""
    try:
        return read_routes(here.alerts_folder / "routes.yaml", to)
    except RoutesError as error:
        log.error("Every alert goes to all channels, for the routes are wrong: %s", error)
        return []


def keep_sending(here: Settings, channel: Channel, pace: Pace) -> None:
    """Send to one channel, for ever. What goes wrong with the warehouse the main thread says."""
    dsn = here.warehouse_dsn("alerter")
    while True:
        try:
            with closing(connect(dsn)) as connection:
                while True:
                    send_once(connection, here, channel, pace)
                    time.sleep(POLL_SECONDS)
        except psycopg2.Error:
            time.sleep(POLL_SECONDS)
        except Exception:
            log.exception("Sending to %s did not work, it goes on.", channel.name)
            time.sleep(POLL_SECONDS)


def run(here: Settings) -> None:
    """Plan, watch and send, for ever; a warehouse that is away is told of and waited for."""
    dsn = here.warehouse_dsn("alerter")
    here.state_folder.mkdir(parents=True, exist_ok=True)
    to = understood(here)
    routes = routes_of(here, to)
    told_of_outages = who_is_told(routes, to)
    away = PostgresAway(here.state_folder / "postgres_away.json", here.project, here.ui_url)
    watch = Watch(
        ask=lambda: platform_state(here.webserver_url),
        look_at_disks=lambda: disks(
            [("the volumes", here.state_folder), ("the landing zone", here.landing)]
        ),
        clock=time.time,
    )
    metrics = PlatformMetrics(here.webserver_url, dsn, watch)
    try:
        serve_metrics(metrics, here.metrics_address)
    except OSError as error:
        log.warning("No metrics at %s: %s", here.metrics_address, error)
    for channel in to:
        threading.Thread(target=keep_sending, args=(here, channel, Pace()), daemon=True).start()
    complaint = ""
    while True:
        try:
            with closing(connect(dsn)) as connection:
                outage = away.over(connection, told_of_outages, time.time())
                if complaint:
                    log.info("The warehouse answers again.")
                if outage is not None:
                    log.warning("Postgres was away for %d s: written down.", outage)
                complaint = ""
                keep_watching(connection, to, routes, watch)
        except psycopg2.Error as error:
            reason = why(error)
            note_health("alerter", f"the warehouse does not answer: {reason}")
            if reason != complaint:
                log.warning("The warehouse does not answer: %s", reason)
                complaint = reason
            for name, refused in away.still(told_of_outages, time.time()):
                log.warning("Postgres is away, told to %s: %s", name, refused or "taken")
            time.sleep(POLL_SECONDS)


def keep_watching(
    connection: Any, to: Sequence[Channel], routes: Sequence[Route], watch: Watch
) -> None:
    """Plan every few seconds and watch now and then, until psycopg2.Error."""
    looked = 0.0
    while True:
        plan_once(connection, to, routes)
        if time.monotonic() - looked > WATCH_SECONDS:
            looked = time.monotonic()
            opened, closed = watch.tell(connection, *watch.look())
            for key in opened:
                log.warning("Noticed: %s", key)
            for key in closed:
                log.info("Over: %s", key)
        note_health("alerter")
        time.sleep(POLL_SECONDS)


def main() -> int:
    """Run until stopped; 1 if a setting is missing or wrong."""
    # As process 1 of a container Python would ignore a SIGTERM that nobody handles.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    never_wait_for_ever()
    try:
        run(settings())
    except SettingsError as error:
        print(f"assay.alerter: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
