"""The way out of outside runs: to the hosts that .env lists, by the proxy, and nowhere else."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

import pytest
from assay_stack import AssayStack
from docker_engine import bridge_gateway, docker, inspect
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")

OUTSIDE = {"assay/network": "outside"}
METADATA = "169.254.169.254"
# RFC 5737: nobody's addresses. To the proxy they are the outside, and here they can be had.
OUTSIDE_NETWORKS = list(IPv4Network("203.0.113.0/24").subnets(new_prefix=28))


@dataclass(frozen=True)
class Servers:
    """A web server at an address of the outside, called open… and other…, and one within."""

    open_address: str
    inside_address: str


@pytest.fixture(scope="module")
def servers(assay: AssayStack) -> Iterator[Servers]:
    """Two web servers, known to the proxy alone; both are gone afterwards."""
    proxy = str(assay.service("egress")["Id"])
    names = [f"{assay.project}-open", f"{assay.project}-inside"]
    network = f"{assay.project}_test_outside"
    subnet = OUTSIDE_NETWORKS[os.getpid() % len(OUTSIDE_NETWORKS)]
    serve = [assay.setting("PYTHON_IMAGE"), "python", "-m", "http.server", "80"]
    within = f"{assay.project}_egress"
    docker("network", "create", "--subnet", str(subnet), network)
    try:
        docker("network", "connect", network, proxy)
        for name, where, aliases in (
            (names[0], network, ("open.assay.test", "other.assay.test")),
            (names[1], within, ("inside.assay.test",)),
        ):
            alias = [word for one in aliases for word in ("--network-alias", one)]
            docker("run", "--detach", "--init", "--name", name, "--network", where, *alias, *serve)
        yield Servers(*map(address_of, names))
    finally:
        docker("rm", "--force", *names)
        docker("network", "disconnect", "--force", network, proxy)
        docker("network", "rm", network)


def address_of(container: str) -> str:
    """In the one network that it is on."""
    (network,) = inspect(container)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def seen_by(assay: AssayStack, run_id: str) -> dict[str, str]:
    """What came of each target that a run tried."""
    run = wait_for("the run", lambda: assay.api.finished(run_id), seconds=300)
    assert run["status"] == "SUCCESS", assay.api.story(run_id)
    (line,) = [
        event["message"]
        for event in assay.api.events(run_id)
        if event.get("message", "").startswith("found ")
    ]
    found: dict[str, str] = json.loads(line.removeprefix("found "))
    return found


def look_around(assay: AssayStack, job: str, tags: dict[str, str], **targets: list[str]) -> str:
    """Launch the job that tries targets; its run id."""
    return assay.api.launch(job, {"ops": {"look_around": {"config": targets}}}, tags)


def test_an_outside_run_reaches_the_listed_hosts_and_no_other(
    assay: AssayStack, servers: Servers
) -> None:
    database = assay.service("postgres")["NetworkSettings"]["Networks"]
    private = database[f"{assay.project}_database"]["IPAddress"]
    reached = {"http://open.assay.test/": "200", "egress:3128": "reached"}
    refused = [
        # Not listed, though it is the same server; and no names at all.
        *("http://other.assay.test/", "http://sub.open.assay.test/"),
        *(f"http://{servers.open_address}/", f"http://{servers.inside_address}/"),
        # Listed, but it leads to a neighbour.
        "http://inside.assay.test/",
        # Another port than those of the web.
        *("http://open.assay.test:8080/", "http://open.assay.test:5432/"),
        *(f"http://{METADATA}/latest/meta-data/", f"http://{bridge_gateway()}/"),
        *(f"http://{private}/", "http://127.0.0.1/", "http://localhost/", "http://[::1]/"),
        *("http://10.0.0.1/", "http://192.168.0.1/", "http://2130706433/", "http://egress:3128/"),
    ]
    tunnels = [
        *("open.assay.test:80", "other.assay.test:443", "inside.assay.test:443"),
        *(f"{METADATA}:443", f"{private}:443", f"{servers.open_address}:443", "127.0.0.1:443"),
    ]
    # Without the proxy nothing is to be had: not even the hosts that it would let through.
    direct = [
        *(f"{servers.open_address}:80", f"{servers.inside_address}:80", "open.assay.test:80"),
        *(f"{METADATA}:80", f"{private}:5432", "1.1.1.1:443", "webserver:3000", "user_code:4000"),
    ]
    run_id = look_around(
        assay,
        "looks_around",
        OUTSIDE,
        directly=["egress:3128", *direct],
        by_proxy=["http://open.assay.test/", *refused],
        tunnels=tunnels,
    )
    seen = seen_by(assay, run_id)
    assert {target: seen[target] for target in reached} == reached
    assert {t: seen[t] for t in [*refused, *tunnels] if seen[t] not in ("403", "400")} == {}
    assert [target for target in direct if seen[target] == "reached"] == []
    networks = assay.run_container(run_id)["NetworkSettings"]["Networks"]
    assert sorted(networks) == [f"{assay.project}_outside_runs", f"{assay.project}_runs"]


def test_a_normal_run_has_no_way_out(assay: AssayStack, servers: Servers) -> None:
    """The job that may go outside, without the tag."""
    direct = [
        *(f"{servers.open_address}:80", f"{servers.inside_address}:80", f"{METADATA}:80"),
        *("egress:3128", "open.assay.test:80", "1.1.1.1:443", "8.8.8.8:53"),
    ]
    run_id = look_around(
        assay,
        "looks_around",
        {},
        directly=["postgres:5432", *direct],
        by_proxy=["http://open.assay.test/"],
    )
    seen = seen_by(assay, run_id)
    assert seen.pop("postgres:5432") == "reached"
    assert seen.pop("http://open.assay.test/") == "no proxy"
    assert [target for target, what in seen.items() if what == "reached"] == []
    networks = assay.run_container(run_id)["NetworkSettings"]["Networks"]
    assert list(networks) == [f"{assay.project}_runs"]
