"""What the engine says of all containers, and what a run's container can reach: Postgres alone."""

import json
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import closing

import pytest
from assay_stack import AssayStack
from docker_engine import bridge_gateway, containers, docker, inspect
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")

CADDY = ("gateway", "reports")
REACH = """
import json, socket, sys

def reached(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
        return True
    except OSError:
        return False

print(json.dumps([[host, port] for host, port in json.loads(sys.argv[1]) if reached(host, port)]))
"""


def test_every_container_is_hardened(assay: AssayStack) -> None:
    found = [inspect(name) for name in containers(*assay.services())]
    found += [
        inspect(name)
        for name in containers(f"label=assay.project={assay.project}", "label=assay.kind=run")
    ]
    assert len(found) > 10
    for facts in found:
        host, name = facts["HostConfig"], facts["Name"]
        service = facts["Config"]["Labels"].get("com.docker.compose.service", "")
        gate = service == "docker_gate"
        assert (facts["Config"]["User"] in ("root", "0", "")) is gate, name
        assert host["CapDrop"] == ["ALL"], name
        added = [cap.removeprefix("CAP_") for cap in host["CapAdd"] or []]
        assert added == (["NET_BIND_SERVICE"] if service in CADDY else []), name
        assert host["SecurityOpt"][0].startswith("no-new-privileges"), name
        assert host["ReadonlyRootfs"] is True, name
        assert host["Privileged"] is False, name
        assert host["Memory"] > 0, name
        assert 0 < host["PidsLimit"] <= 1024, name
        assert not host["Devices"], name
        assert host["PidMode"] == host["UTSMode"] == "", name
        holds = any(m["Source"] == "/var/run/docker.sock" for m in facts["Mounts"])
        assert holds is gate, name


def test_the_processes_in_them_have_no_capability(assay: AssayStack) -> None:
    for name in containers(*assay.services()):
        if not inspect(name)["State"]["Running"]:
            continue
        service = inspect(name)["Config"]["Labels"]["com.docker.compose.service"]
        status = docker("exec", name, "cat", "/proc/1/status")
        held = next(line for line in status.splitlines() if line.startswith("CapEff:"))
        may = 1 << 10 if service in CADDY else 0  # CAP_NET_BIND_SERVICE
        assert int(held.split()[1], 16) & ~may == 0, service
        assert "NoNewPrivs:\t1" in status, service


def test_a_run_reaches_postgres_and_nothing_else(assay: AssayStack) -> None:
    """From a container made as a run's is: on its network, from its image, as its user."""
    targets: list[tuple[str, int]] = [("169.254.169.254", 80), ("1.1.1.1", 443), ("8.8.8.8", 53)]
    targets += [("user_code", 4000), ("webserver", 3000), ("viewer", 3000), ("gateway", 3000)]
    for name in containers(*assay.services()):
        facts = inspect(name)
        service = facts["Config"]["Labels"]["com.docker.compose.service"]
        ports = {"user_code": 4000, "webserver": 3000, "viewer": 3000, "gateway": 3000}
        for network in facts["NetworkSettings"]["Networks"].values():
            if service in ports and network["IPAddress"]:
                targets.append((network["IPAddress"], ports[service]))
            if service == "postgres" and network["IPAddress"]:
                targets.append((network["IPAddress"], 5432))
    # The host, by every address it may have there: a listener on all of them.
    with closing(socket.create_server(("0.0.0.0", 0))) as listener:
        port = listener.getsockname()[1]
        targets.append((bridge_gateway(), port))
        for kind in ("runs", "database", "web", "entry"):
            shown = json.loads(docker("network", "inspect", f"{assay.project}_{kind}"))
            subnet = shown[0]["IPAM"]["Config"][0]["Subnet"].split("/")[0]
            targets.append((subnet.rsplit(".", 1)[0] + ".1", port))
        reached = json.loads(
            docker(
                "run", "--rm", "--network", f"{assay.project}_runs", "--user", "10001:10001",
                "--cap-drop", "ALL", "--read-only", "--dns", "127.0.0.1",
                assay.setting("ASSAY_USER_CODE_IMAGE"),
                "python", "-c", REACH, json.dumps([("postgres", 5432), *targets]),
                seconds=240,
            )
        )  # fmt: skip
    runs = inspect(str(assay.service("postgres")["Id"]))["NetworkSettings"]["Networks"]
    there = runs[f"{assay.project}_runs"]["IPAddress"]
    assert sorted(map(tuple, reached)) == sorted([("postgres", 5432), (there, 5432)])


# Ports that somebody answers on, of all there are: a refusal comes at once.
SCAN = """
import json, socket, sys

def answers(port):
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((sys.argv[1], port)) == 0

print(json.dumps([port for port in range(1, 65536) if answers(port)]))
"""


def test_nothing_listens_in_a_runs_container_for_another_run(assay: AssayStack) -> None:
    """Runs share a network with Postgres, so that one reaches the other's address: and finds none.

    Code in it that opens a port itself is not kept from it: SECURITY.md says so.
    """
    run_id = assay.api.launch("goes_on", tags={"dagster/max_retries": "0"})
    try:
        run = assay.run_container(run_id)
        wait_for("its work", lambda: "going on" in assay.api.story(run_id), seconds=180)
        address = inspect(str(run["Id"]))["NetworkSettings"]["Networks"][f"{assay.project}_runs"]
        found = docker(
            "run", "--rm", "--network", f"{assay.project}_runs", "--user", "10001:10001",
            "--cap-drop", "ALL", "--read-only", assay.setting("ASSAY_USER_CODE_IMAGE"),
            "python", "-c", SCAN, address["IPAddress"],
            seconds=300,
        )  # fmt: skip
        assert json.loads(found) == []
        # What listens on its loopback is the engine's own: it answers names.
        for kind in ("tcp", "tcp6"):
            table = docker("exec", str(run["Id"]), "cat", f"/proc/net/{kind}").splitlines()[1:]
            listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
            assert [place for place in listening if not place.startswith("0B00007F:")] == []
    finally:
        assay.api.cancel(run_id)


# Where a service answers whoever reaches it.
PORTS = {
    **{"user_code": 4000, "webserver": 3000, "viewer": 3000, "gateway": 3000},
    **{"postgres": 5432, "reports": 3001, "alerter": 9464},
}


def answering(assay: AssayStack) -> dict[str, list[tuple[str, int]]]:
    """By service: its port at its name, and at each of its addresses."""
    found = {}
    for service, port in PORTS.items():
        networks = assay.service(service)["NetworkSettings"]["Networks"].values()
        addresses = [network["IPAddress"] for network in networks if network["IPAddress"]]
        assert addresses, service
        found[service] = [(place, port) for place in (service, *addresses)]
    return found


@pytest.mark.parametrize(
    ("watcher", "meant"),
    [
        # Its own metrics; the webserver's state; the gateway asks for the metrics on their network.
        ("alerter", {"postgres", "webserver", "gateway", "alerter"}),
        ("janitor", {"postgres", "alerter"}),
    ],
)
def test_a_watcher_reaches_no_port_that_is_not_its_work(
    assay: AssayStack, watcher: str, meant: set[str]
) -> None:
    """From inside it: the code server asks nobody who they are, nor does a web server."""
    targets = answering(assay)
    places = [place for several in targets.values() for place in several]
    reached = json.loads(
        docker(
            "exec", str(assay.service(watcher)["Id"]), "python", "-c", REACH, json.dumps(places),
            seconds=240,
        )
    )  # fmt: skip
    found = {tuple(place) for place in reached}
    assert {service for service, several in targets.items() if found & set(several)} == meant


def test_a_run_sees_neither_a_socket_nor_another_readers_secrets(assay: AssayStack) -> None:
    run = inspect(containers(f"label=assay.project={assay.project}", "label=assay.kind=run")[0])
    mounted = {mount["Destination"]: mount for mount in run["Mounts"]}
    assert mounted["/run/assay-secrets"]["Name"] == f"{assay.project}_secret_run"
    assert mounted["/run/assay-secrets"]["RW"] is False
    assert not any("gate" in place or "docker.sock" in place for place in mounted)
    owned = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", "10001:10001",
         "--volume", f"{assay.project}_secret_run:/s:ro", assay.setting("ASSAY_USER_CODE_IMAGE"),
         "stat", "-c", "%a %u", "/s", "/s/pgpass"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert owned.stdout.split("\n")[:2] == ["700 10001", "600 10001"]


# Below the root of whatever serves the reports: what a link could be meant for.
PRIVATE = (
    *(
        "run/assay-secrets/pgpass",
        "secrets/vault/dagster",
        "assay/logins/users",
        "assay/tls/key.pem",
    ),
    *("assay/gateway_state/caddy/pki/authorities/local/root.key", "assay/gateway_logs/access.log"),
    *("assay/data", "assay/landing", "assay/compute_logs", "var/run/docker.sock", "root", "mnt"),
)


def test_a_link_among_the_reports_leads_to_nothing_private(assay: AssayStack) -> None:
    """Planted as a run could: in its volume, by its user."""

    def in_the_volume(script: str) -> None:
        docker(
            "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", "10001:10001",
            "--volume", f"{assay.project}_reports:/reports",
            assay.setting("ASSAY_USER_CODE_IMAGE"), "bash", "-euc", script,
        )  # fmt: skip

    def shown(path: str) -> tuple[int, str]:
        request = urllib.request.Request(
            f"{assay.api.url}/reports/planted/{path}",
            headers={"Authorization": assay.api.authorization},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    in_the_volume(
        "mkdir /reports/planted; cd /reports/planted; echo fine >report.html; ln -s / way_out"
    )
    try:
        assert shown("report.html") == (200, "fine\n")
        # Links are followed, within the container of the reports:
        assert shown("way_out/assay/reports/planted/report.html") == (200, "fine\n")
        assert {path: shown(f"way_out/{path}")[0] for path in PRIVATE} == dict.fromkeys(
            PRIVATE, 404
        )
        # What it is told is nobody's secret: where Caddy keeps its files.
        for process in ("1", "self"):
            _, told = shown(f"way_out/proc/{process}/environ")
            assert "ASSAY_" not in told
            assert "PASS" not in told
    finally:
        in_the_volume("rm -r /reports/planted")
