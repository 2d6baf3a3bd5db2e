"""Daemon and code server, killed in the middle of a tick: facts = alerts. A storm: one message.

Real processes and a real Postgres. Three rounds of killing each; `make test-faults` sets
ASSAY_FAULT_ROUNDS to 20.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.settings import Settings
from tests.control_plane.platform_processes import Platform
from tests.control_plane.webhook import Webhook

ROUNDS = int(os.environ.get("ASSAY_FAULT_ROUNDS", "3"))
KILLED = ("daemon", "code server")
STORM = 200


@pytest.fixture
def platform(ops: Settings, tmp_path: Path) -> Iterator[Platform]:
    """Nothing of it runs yet."""
    platform = Platform(tmp_path, ops)
    try:
        yield platform
    finally:
        for name in platform.processes:
            platform.kill(name)


@pytest.mark.timeout(180 + 180 * ROUNDS)
def test_whoever_is_killed_in_a_tick_every_failure_has_one_alert(platform: Platform) -> None:
    for name in KILLED:
        platform.start(name)
    keys: set[str] = set()

    def all_told() -> bool:
        return {key for key, _, _ in platform.told()} >= keys

    for number in range(ROUNDS):
        for name in KILLED:
            with platform.ticks_held():
                for which in "ab":
                    keys.add(platform.fail_a_run(f"{name.replace(' ', '-')}-{number}-{which}"))
                platform.wait_until(platform.in_a_tick, "in a tick")
                platform.kill(name)
            platform.start(name)
            platform.wait_until(all_told, f"told, though the {name} was killed")
    # A look more: nothing is told again.
    keys.add(platform.fail_a_run("last"))
    platform.wait_until(all_told, "told")
    assert platform.told() == [(key, "open", 1) for key in sorted(keys)]


@pytest.mark.timeout(900)
def test_a_storm_of_failed_runs_is_one_message_that_lists_them(platform: Platform) -> None:
    keys = {platform.fail_a_run(f"storm-{number:03d}") for number in range(STORM)}
    with Webhook() as hook:
        platform.environment["ASSAY_ALERT_URLS"] = hook.url

        def told() -> list[set[str]]:
            """The keys in each message."""
            return [{one["key"] for one in json.loads(body["alerts"])} & keys for body in hook.got]

        for name in platform.commands:
            platform.start(name)
        platform.wait_until(lambda: set().union(*told()) == keys, "told", seconds=300)
        assert [len(some) for some in told() if some] == [STORM]
        (digest,) = (body for body in hook.got if ":storm-000" in body["alerts"])
        # Something else may have opened in the storm, such as a tick that fails for the load.
        opened = re.search(r"(\d+) alerts opened, 0 resolved$", digest["title"])
        assert opened, digest["title"]
        assert int(opened[1]) == len(json.loads(digest["alerts"])) >= STORM
        assert all(f"[{key}]" in digest["message"] for key in keys)
