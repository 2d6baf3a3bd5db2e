"""What docker-compose.yml promises, read from the file itself: no engine is asked."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.secret_files import READERS
from control_plane.settings import SECRETS

REPOSITORY = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
MIGRATIONS = ["migrate", "migrate_warehouse"]
ONE_SHOT = ["secrets", "verifiers", *MIGRATIONS, "logins"]
LONG_RUNNING = sorted(set(SERVICES) - set(ONE_SHOT))
SOCKET = "/var/run/docker.sock"


def test_these_are_all_services() -> None:
    expected = {"alerter", "daemon", "docker_gate", "egress", "janitor", "postgres"}
    expected |= {"user_code", "webserver"}
    assert set(LONG_RUNNING) == expected | {"gateway", "reports", "viewer"}
    assert set(ONE_SHOT) < set(SERVICES)


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_long_running_service_is_watched_limited_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert service["mem_limit"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("name", ONE_SHOT)
def test_what_prepares_the_rest_runs_once_and_is_limited(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert SERVICES[name]["mem_limit"]
    if name in MIGRATIONS:
        assert SERVICES[name]["depends_on"]["postgres"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_can_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    # Caddy's file asks for this one: without it the kernel would not start the program at all.
    caddy = ["NET_BIND_SERVICE"] if name in ("gateway", "reports") else []
    assert service.get("cap_add", []) == caddy
    assert service["read_only"] is True
    assert service["pids_limit"]


def test_the_gate_alone_holds_the_socket_and_runs_as_root() -> None:
    holders = [n for n, s in SERVICES.items() if any(SOCKET in v for v in s.get("volumes", []))]
    assert holders == ["docker_gate"]
    assert [n for n, s in SERVICES.items() if s.get("user") == "root"] == holders


def test_the_gate_has_no_network_and_each_caller_a_socket_of_its_own() -> None:
    assert SERVICES["docker_gate"]["network_mode"] == "none"
    for caller in ("daemon", "webserver"):
        place = f"gate_{caller}:/run/assay-gate"
        holders = {
            name: [v for v in service.get("volumes", []) if v.startswith(f"gate_{caller}:")]
            for name, service in SERVICES.items()
        }
        assert {name: mounts for name, mounts in holders.items() if mounts} == {
            "docker_gate": [f"{place}/{caller}"],
            caller: [f"{place}:ro"],
        }
        assert SERVICES[caller]["environment"]["DOCKER_HOST"] == (
            f"unix:///run/assay-gate/{caller}.sock"
        )


def test_user_code_is_built_with_the_labels_by_which_the_gate_knows_it() -> None:
    assert SERVICES["user_code"]["build"]["labels"] == {
        "assay.project": "${ASSAY_PROJECT:-assay}",
        "assay.kind": "user_code",
    }


def test_each_reader_mounts_its_own_secrets_only_and_cannot_change_them() -> None:
    mounted = {
        name: [v for v in service.get("volumes", []) if v.startswith("secret_")]
        for name, service in SERVICES.items()
    }
    folders = [*READERS, "vault", "postgres"]
    assert sorted(mounted.pop("secrets")) == sorted(f"secret_{f}:/secrets/{f}" for f in folders)
    # Another user than the one who makes them: what it gets becomes its own first.
    assert mounted.pop("verifiers") == [
        "secret_postgres:/handed_over",
        "secret_verifiers:/var/run/postgresql",
    ]
    assert mounted.pop("postgres") == [f"secret_verifiers:{SECRETS}:ro"]
    for name, volumes in mounted.items():
        assert volumes == ([f"secret_{name}:{SECRETS}:ro"] if name in READERS else []), name
    # The other two have no service: runs are made by the daemon, and people ask the vault.
    assert set(READERS) - set(SERVICES) == {"run", "analyst"}


def test_the_verifiers_are_taken_over_by_the_user_that_reads_them_and_by_the_makers_group() -> None:
    service, postgres = SERVICES["verifiers"], SERVICES["postgres"]
    assert (service["image"], service["user"]) == (postgres["image"], postgres["user"])
    assert service["network_mode"] == SERVICES["secrets"]["network_mode"] == "none"
    recipe = (REPOSITORY / "Dockerfile.dagster").read_text()
    assert service["group_add"] == re.findall(r"groupadd --gid (\d+) assay", recipe)
    assert [n for n, s in SERVICES.items() if "group_add" in s] == ["verifiers"]
    assert postgres["depends_on"]["verifiers"]["condition"] == "service_completed_successfully"


def test_the_image_has_a_folder_for_each_reader_that_gives_its_volume_owner_and_mode() -> None:
    recipe = (REPOSITORY / "Dockerfile.dagster").read_text()
    made = set(re.findall(r"/secrets/(\w+)", recipe))
    assert made == {*READERS, "vault", "postgres"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_password_is_in_a_services_environment(name: str) -> None:
    told = dict(SERVICES[name]["environment"])
    # A file that answers otherwise each time: nobody knows what was read.
    if name == "postgres":
        assert told.pop("POSTGRES_PASSWORD_FILE") == "/proc/sys/kernel/random/uuid"
    assert not [variable for variable in told if "PASS" in variable or "SECRET_" in variable]


def test_each_network_has_one_purpose_and_three_lead_out() -> None:
    on = {
        network: {n for n, s in SERVICES.items() if network in s.get("networks", [])}
        for network in COMPOSE["networks"]
    }
    assert on == {
        "database": {"postgres", "user_code", "webserver", "viewer", "daemon"},
        "upkeep": {"postgres", "migrate", "migrate_warehouse", "alerter", "janitor"},
        "code": {"user_code", "webserver", "viewer", "daemon"},
        "web": {"gateway", "webserver", "viewer", "reports"},
        "watch": {"alerter", "webserver"},
        "metrics": {"gateway", "alerter"},
        "entry": {"gateway"},
        "runs": {"postgres"},
        "alerts_out": {"alerter"},
        "outside_runs": {"egress"},
        "egress": {"egress"},
    }
    leading_out = {n for n, facts in COMPOSE["networks"].items() if not facts.get("internal")}
    assert leading_out == {"entry", "alerts_out", "egress"}


def test_watchers_and_migrations_meet_nobody_but_postgres_on_the_way_to_it() -> None:
    for name in ("alerter", "janitor", "migrate", "migrate_warehouse"):
        met = {
            other
            for other, service in SERVICES.items()
            if set(service.get("networks", [])) & set(SERVICES[name]["networks"])
        }
        watchers = {"alerter", "janitor", "migrate", "migrate_warehouse"}
        beyond = {"webserver", "gateway"} if name == "alerter" else set()
        assert met - watchers == {"postgres", *beyond}, name


def test_a_run_finds_not_even_the_host_on_its_networks() -> None:
    for name in ("runs", "outside_runs"):
        network = COMPOSE["networks"][name]
        assert network["internal"] is True
        assert network["driver_opts"] == {"com.docker.network.bridge.inhibit_ipv4": "true"}


def test_outside_runs_reach_the_proxy_alone_and_the_proxy_nothing_of_ours() -> None:
    assert COMPOSE["networks"]["outside_runs"]["internal"] is True
    for network in ("outside_runs", "egress"):
        assert [n for n, s in SERVICES.items() if network in s.get("networks", [])] == ["egress"]
    assert set(SERVICES["egress"]["networks"]) == {"outside_runs", "egress"}
    assert "volumes" not in SERVICES["egress"]


def test_the_gateway_alone_is_published_on_an_address_from_the_env_file() -> None:
    assert [n for n, s in SERVICES.items() if "ports" in s] == ["gateway"]
    assert SERVICES["gateway"]["ports"] == [
        "${ASSAY_UI_ADDRESS:-127.0.0.1}:${ASSAY_UI_PORT:-3000}:3000"
    ]


def test_the_gateway_reaches_what_it_shows_and_nothing_else() -> None:
    assert SERVICES["gateway"]["networks"] == ["entry", "web", "metrics"]
    assert SERVICES["reports"]["networks"] == ["web"]


def test_reports_and_logins_are_read_only_where_strangers_ask() -> None:
    assert "reports:/assay/reports:ro" in SERVICES["reports"]["volumes"]
    assert "logins:/assay/logins:ro" in SERVICES["gateway"]["volumes"]
    # A run may put links among the reports: whoever serves them holds nothing that is secret.
    assert [v.split(":")[0] for v in SERVICES["reports"]["volumes"]] == [
        "./deploy/gateway/reports.caddyfile",
        "reports",
    ]


def test_the_viewers_server_can_neither_launch_nor_cancel() -> None:
    assert SERVICES["viewer"]["command"][:3] == ["python", "-m", "control_plane.viewer"]
    assert "DOCKER_HOST" not in SERVICES["viewer"]["environment"]
    # Where dagster.yaml names the role that can only read.
    assert SERVICES["viewer"]["environment"]["DAGSTER_HOME"] == "/opt/dagster/viewer"
    assert READERS["viewer"] == ("viewer",)
    assert SERVICES["viewer"]["volumes"] == [
        "compute_logs:/assay/compute_logs:ro",
        "secret_viewer:/run/assay-secrets:ro",
    ]


def test_every_name_begins_with_the_project() -> None:
    project = "${ASSAY_PROJECT:-assay}"
    assert COMPOSE["name"] == project
    for kind in ("volumes", "networks"):
        for name, entry in COMPOSE[kind].items():
            assert entry["name"] == f"{project}_{name}"
    assert not any("container_name" in service for service in SERVICES.values())
    images = {service["image"] for service in SERVICES.values()}
    assert images == {
        f"{project}/dagster:built",
        f"{project}/egress:built",
        f"${{ASSAY_USER_CODE_IMAGE:-{project}/user_code:built}}",
        "${POSTGRES_IMAGE:-postgres:17-trixie}",
        "${CADDY_IMAGE:-caddy:2.10}",
    }


def test_user_code_reads_the_landing_zone_and_cannot_change_it() -> None:
    mounts = dict(mount.split(":", 1) for mount in SERVICES["user_code"]["volumes"])
    assert mounts["landing"] == "/assay/landing:ro"
    assert mounts["contracts"] == "/assay/contracts:ro"


def test_runs_are_queued_with_the_image_that_queued_them() -> None:
    service = SERVICES["user_code"]
    assert service["environment"]["DAGSTER_CURRENT_IMAGE"] == service["image"]


def test_new_user_code_changes_nothing_about_webserver_and_daemon() -> None:
    for name in ("webserver", "daemon", "alerter", "postgres", "migrate"):
        assert "ASSAY_USER_CODE_IMAGE" not in str(SERVICES[name]), name
