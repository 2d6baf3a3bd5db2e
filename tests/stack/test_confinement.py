"""What the engine says of all containers, and what a run's container can reach: Postgres alone."""

import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from assay_stack import AssayStack
from docker_engine import bridge_gateway, containers, docker, inspect
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")

CADDY = ("gateway", "reports")
REACH = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def reached(place):
    try:
        socket.create_connection(tuple(place), timeout=3).close()
        return True
    except OSError:
        return False

places = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(places)) as threads:
    answers = list(threads.map(reached, places))
print(json.dumps([place for place, answer in zip(places, answers) if answer]))
"""


Place = tuple[str, int]


def reached(assay: AssayStack, network: str, another: str, places: list[Place]) -> set[Place]:
    """Those that answer a container on these networks, made as a run's is: its image, its user."""
    probe = docker(
        "create", "--network", network, "--user", "10001:10001", "--cap-drop", "ALL", "--read-only",
        assay.setting("ASSAY_USER_CODE_IMAGE"), "python", "-c", REACH, json.dumps(places),
    )  # fmt: skip
    try:
        if another:
            docker("network", "connect", f"{assay.project}_{another}", probe)
        said = docker("start", "--attach", probe, seconds=240)
        return {(host, port) for host, port in json.loads(said)}
    finally:
        docker("rm", "--force", probe)


def reached_by_a_run(assay: AssayStack, another: str, places: list[Place]) -> set[Place]:
    """Those that answer a run; `another`: the network that it is on, beside that of runs."""
    return reached(assay, f"{assay.project}_runs", another, places)


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


def test_no_run_finds_the_host(assay: AssayStack) -> None:
    """By any address that it may have: from a container made as a run's that may go outside."""
    with closing(socket.create_server(("0.0.0.0", 0))) as listener:
        port = listener.getsockname()[1]
        places = [(bridge_gateway(), port)]
        for kind in ("runs", "outside_runs", "database", "web", "entry"):
            (shown,) = json.loads(docker("network", "inspect", f"{assay.project}_{kind}"))
            subnet = shown["IPAM"]["Config"][0]["Subnet"].split("/")[0]
            places.append((subnet.rsplit(".", 1)[0] + ".1", port))
        assert reached_by_a_run(assay, "outside_runs", [("postgres", 5432), *places]) == {
            ("postgres", 5432)
        }


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
    **{"postgres": 5432, "reports": 3001, "alerter": 9464, "egress": 3128},
}
# Hosts that are not ours, and the cloud's metadata.
OUTSIDE = [("1.1.1.1", 443), ("8.8.8.8", 53), ("169.254.169.254", 80)]
LED_OUT = {"gateway", "alerter", "egress"}
UI = {"user_code", "webserver", "viewer"}
# Whose port is reached from where. The code server asks nobody who they are, nor does a web server.
REACHED = {
    "postgres": UI | {"postgres", "alerter"},
    "user_code": UI | {"postgres"},
    "daemon": UI | {"postgres"},
    "webserver": UI | {"postgres", "gateway", "reports", "alerter"},
    "viewer": UI | {"postgres", "gateway", "reports"},
    "gateway": {"gateway", "webserver", "viewer", "reports", "alerter"},
    "reports": {"gateway", "webserver", "viewer", "reports"},
    # Its own metrics; the webserver's state; the gateway asks for the metrics on their network.
    "alerter": {"postgres", "webserver", "gateway", "alerter"},
    "janitor": {"postgres", "alerter"},
    "egress": {"egress"},
    "docker_gate": set(),
    "a run": {"postgres"},
    "an outside run": {"postgres", "egress"},
}


def met_from(assay: AssayStack, where: str) -> set[str]:
    """The services whose port is reached, by name or by any address."""
    run = where.endswith("run")
    targets = {service: [(service, port)] for service, port in PORTS.items()}
    for service, port in PORTS.items():
        for network, facts in assay.service(service)["NetworkSettings"]["Networks"].items():
            # The host knows no way to the networks of runs: asked for an address on them, whoever
            # is led out is led to whatever answers outside.
            if facts["IPAddress"] and (run or not network.endswith("runs")):
                targets[service].append((facts["IPAddress"], port))
    if where not in LED_OUT:
        targets["outside"] = OUTSIDE
    places = [place for several in targets.values() for place in several]
    if run:
        found = reached_by_a_run(assay, "outside_runs" if "outside" in where else "", places)
    else:
        found = reached(assay, f"container:{assay.service(where)['Id']}", "", places)
    return {service for service, several in targets.items() if found & set(several)}


@pytest.fixture(scope="module")
def met(assay: AssayStack) -> dict[str, set[str]]:
    """From everywhere at once, for each waits for answers that never come."""
    with ThreadPoolExecutor(len(REACHED)) as threads:
        found = threads.map(lambda where: met_from(assay, where), REACHED)
        return dict(zip(REACHED, found, strict=True))


@pytest.mark.parametrize("where", REACHED)
def test_nobody_reaches_a_port_that_is_not_their_work(met: dict[str, set[str]], where: str) -> None:
    assert met[where] == REACHED[where]


def test_the_engine_leads_nobody_out_of_a_network_that_is_ours(assay: AssayStack) -> None:
    names = docker("network", "ls", "--filter", f"name={assay.project}_", "--format", "{{.Name}}")
    shown = {one["Name"]: one for one in json.loads(docker("network", "inspect", *names.split()))}
    begin = f"{assay.project}_"
    led_out = {name.removeprefix(begin) for name, one in shown.items() if not one["Internal"]}
    assert led_out == {"entry", "alerts_out", "egress"}
    assert not any(one["Attachable"] or one["EnableIPv6"] for one in shown.values())
    for name in ("runs", "outside_runs"):
        assert "com.docker.network.bridge.inhibit_ipv4" in shown[begin + name]["Options"]


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
