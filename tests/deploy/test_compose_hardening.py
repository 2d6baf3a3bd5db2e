"""What docker-compose.yml may say at all: what is not listed here is refused, for any service."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]

# No namespace, device, kernel setting, group or secret of the host's is asked for by any of these.
KEYS = {
    *("image", "build", "profiles", "command", "entrypoint", "init", "restart", "depends_on"),
    *("environment", "volumes", "tmpfs", "networks", "network_mode", "ports", "healthcheck"),
    *("user", "group_add", "cap_drop", "cap_add", "security_opt", "read_only", "logging"),
    *("mem_limit", "pids_limit", "shm_size", "stop_grace_period"),
}
# Whose image would run as root, or as another user than its files are for.
USERS = {
    **dict.fromkeys(("postgres", "verifiers"), "postgres"),
    **dict.fromkeys(("gateway", "reports"), "10001:10001"),
    "docker_gate": "root",
}
LIMITS = {
    *("ASSAY_RUN_MEMORY", "ASSAY_RUN_MEMORY_MOST", "ASSAY_RUN_CPUS", "ASSAY_RUN_CPUS_MOST"),
    *("ASSAY_RUN_TIMEOUT_MOST", "ASSAY_OUTSIDE_JOBS"),
}
# What no other service may mount, by what it is: who holds it, and where. Secrets of a reader, and
# the sockets of docker_gate: test_compose.py.
HOLDERS = {
    "/var/run/docker.sock": {"docker_gate": "/var/run/docker.sock"},
    "postgres": {"postgres": "/var/lib/postgresql/data"},
    "data": {"janitor": "/assay/data"},
    "quarantine": {"janitor": "/assay/quarantine"},
    "reports": {
        "reports": "/assay/reports:ro",
        "logins": "/assay/reports",
        "janitor": "/assay/reports",
    },
    "compute_logs": {
        **dict.fromkeys(("user_code", "webserver", "daemon", "janitor"), "/assay/compute_logs"),
        "viewer": "/assay/compute_logs:ro",
    },
    "landing": {"user_code": "/assay/landing:ro"},
    "contracts": {"user_code": "/assay/contracts:ro"},
    "logins": {"gateway": "/assay/logins:ro", "logins": "/assay/logins"},
    "gateway_state": dict.fromkeys(("gateway", "logins"), "/assay/gateway_state"),
    "gateway_logs": dict.fromkeys(("gateway", "logins"), "/assay/gateway_logs"),
    "alerts": {"alerter": "/assay/alerts:ro"},
    "alerter": {"alerter": "/assay/alerter"},
    "./deploy/postgres/verifiers.sh": {"verifiers": "/assay/verifiers.sh:ro"},
    "./deploy/postgres/roles.sql": {"postgres": "/assay/roles.sql:ro"},
    "./deploy/postgres/pg_hba.conf": {"postgres": "/assay/pg_hba.conf:ro"},
    "./deploy/postgres/roles.sh": {"postgres": "/docker-entrypoint-initdb.d/10-assay.sh:ro"},
    "./deploy/gateway": {"gateway": "/assay/gateway:ro"},
    "./deploy/gateway/reports.caddyfile": {"reports": "/assay/gateway/reports.caddyfile:ro"},
    "${ASSAY_TLS_DIR:-${PWD}/deploy/gateway}": {"gateway": "/assay/tls:ro"},
}
BOUND = {
    "alerts": "${ASSAY_ALERTS_DIR:-${PWD}/alerts.d}",
    "landing": "${ASSAY_LANDING_DIR:-${PWD}/landing}",
    "contracts": "${ASSAY_CONTRACTS_DIR:-${PWD}/contracts.d}",
}


def bytes_in(size: str) -> int:
    return int(size[:-1]) * {"m": 2**20, "g": 2**30}[size[-1]]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_asks_for_nothing_that_is_not_known_here(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert service.get("network_mode", "none") == "none"
    assert bool(service.get("networks")) != ("network_mode" in service)
    assert "/tmp" in service["tmpfs"]
    # Somebody reaps the processes that are left without a parent; Postgres does it itself.
    assert service["init"] is (name != "postgres")
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert 0 < bytes_in(service["mem_limit"]) <= 2 * 2**30
    assert 0 < service["pids_limit"] <= 512


def test_every_service_has_the_user_that_is_meant() -> None:
    assert {n: s["user"] for n, s in SERVICES.items() if "user" in s} == USERS
    # The others have their image's.
    for recipe in ("Dockerfile.dagster", "Dockerfile.user_code", "deploy/egress/Dockerfile"):
        users = [
            line.split()[1]
            for line in (REPOSITORY / recipe).read_text().splitlines()
            if line.startswith("USER ")
        ]
        assert users, recipe
        assert users[-1] not in ("root", "0"), recipe


def test_every_volume_and_file_is_held_by_those_who_need_it_at_its_place() -> None:
    held: dict[str, dict[str, str]] = defaultdict(dict)
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            # A source may hold a colon, a default's.
            begin = mount.rindex(":/")
            source, place = mount[:begin], mount[begin + 1 :]
            if not source.startswith(("secret_", "gate_")):
                assert name not in held[source], f"{source} twice"
                held[source][name] = place
    assert dict(held) == HOLDERS


def test_a_volume_is_the_engines_but_for_the_folders_that_people_fill() -> None:
    found = {
        name: facts["driver_opts"]
        for name, facts in COMPOSE["volumes"].items()
        if set(facts) != {"name"}
    }
    assert found == {
        name: {"type": "none", "o": "bind", "device": folder} for name, folder in BOUND.items()
    }


def test_a_network_is_joined_by_compose_alone() -> None:
    for name, facts in COMPOSE["networks"].items():
        assert set(facts) <= {"name", "internal", "driver_opts"}, name
        assert set(facts.get("driver_opts", {})) == (
            {"com.docker.network.bridge.inhibit_ipv4"}
            if name in ("runs", "outside_runs")
            else set()
        )


def test_postgres_reads_our_rules_of_who_may_connect() -> None:
    assert SERVICES["postgres"]["command"] == ["postgres", "-c", "hba_file=/assay/pg_hba.conf"]


def test_who_launches_and_who_lets_it_are_told_the_same_limits() -> None:
    for name in ("daemon", "webserver", "docker_gate"):
        told = {
            variable: value
            for variable, value in SERVICES[name]["environment"].items()
            if variable in LIMITS
        }
        assert set(told) == LIMITS
        assert all(value.startswith(f"${{{variable}:-") for variable, value in told.items())


def test_nothing_works_before_the_roles_and_tables_are_there() -> None:
    def waits_for(name: str, *what: str) -> bool:
        after = SERVICES[name]["depends_on"]
        return all(after[one]["condition"] == "service_completed_successfully" for one in what)

    for name in ("webserver", "viewer", "daemon", "alerter", "janitor", "migrate_warehouse"):
        assert waits_for(name, "migrate"), name
    assert waits_for("user_code", "migrate_warehouse")
    # Else whoever comes first would have no file of logins, and volumes of another's.
    assert waits_for("gateway", "logins")
    assert waits_for("reports", "logins")
    assert waits_for("postgres", "verifiers")
    assert waits_for("verifiers", "secrets")
