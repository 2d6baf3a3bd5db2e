"""From nothing to a working platform: what `make up` promises a newcomer."""

from assay_stack import AssayStack
from docker_engine import containers, docker
from waiting import wait_for
from webhook import Webhook

LONG_LIVED = (
    *("postgres", "user_code", "webserver", "daemon", "alerter", "docker_gate"),
    *("gateway", "viewer", "reports"),
)
ONE_SHOT = ("migrate", "migrate_warehouse", "logins")


def test_every_service_is_healthy(assay: AssayStack) -> None:
    health = {name: assay.service(name)["State"]["Health"]["Status"] for name in LONG_LIVED}
    assert health == dict.fromkeys(LONG_LIVED, "healthy")
    for name in ONE_SHOT:
        state = assay.service(name)["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), name


def test_the_services_hold_no_more_than_they_need(assay: AssayStack) -> None:
    for name in LONG_LIVED:
        host = assay.service(name)["HostConfig"]
        has_socket = any("docker.sock" in str(bind) for bind in host["Binds"] or [])
        assert has_socket == (name == "docker_gate"), name
        assert not host["Privileged"], name
        assert host["Memory"] > 0, f"{name} has no memory limit"
        assert host["LogConfig"]["Config"].get("max-size"), f"{name}'s log grows without end"
    published = {
        (name, port["HostIp"])
        for name in LONG_LIVED
        for ports in (assay.service(name)["HostConfig"]["PortBindings"] or {}).values()
        for port in ports
    }
    assert published == {("gateway", "127.0.0.1")}


def test_a_run_finds_its_code_compiled(assay: AssayStack) -> None:
    # As runs are: a root that can't be written, another user than the image was built by.
    confined = ["run", "--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none"]
    read = "python -m user_code.compile_ahead && diff -r /opt/numba /tmp/numba"
    image = assay.setting("ASSAY_USER_CODE_IMAGE")
    told = docker(*confined, image, "sh", "-c", read, seconds=300)
    assert told.startswith("call sets: numba")


def test_the_code_location_is_loaded_and_its_sensors_run(assay: AssayStack) -> None:
    location = wait_for("the code location", assay.api.location, seconds=30)
    assert len(location["repositories"]) == 1
    sensors = assay.api.sensors()
    assert {name for name in sensors if "landing" in name}, sensors
    assert set(sensors.values()) == {"RUNNING"}, sensors


def test_the_samples_are_computed_by_the_sensors(assay: AssayStack, samples_done: None) -> None:
    assert assay.count("genomics.variant_analysis") >= 2000
    assert assay.count("genomics.raw_genomic_data") >= 1
    days = assay.psql(
        "select count(distinct date) from finance.daily_summary where source in "
        "('cards', 'payments')"
    )
    assert days == [["120"]]
    for asset in ("quality_filtered_data", "category_statistics", "historical_data"):
        assert assay.api.materializations(asset), asset
    assert {run["status"] for run in assay.api.runs()} == {"SUCCESS"}


def test_the_first_start_raises_the_alerts_that_the_samples_tell_of(
    assay: AssayStack, samples_done: None, webhook: Webhook
) -> None:
    told = assay.psql("select kind, domain, state, count(*) from ops.alerts group by 1, 2, 3")
    assert told == [["finance.anomaly", "finance", "open", "3"]]
    wait_for("their delivery", lambda: webhook.mentioning("outage"), seconds=180)


def test_make_up_again_changes_nothing(assay: AssayStack, samples_done: None) -> None:
    before = set(containers(*assay.services(), "status=running"))
    runs = len(assay.api.runs())
    assay.up()
    assert set(containers(*assay.services(), "status=running")) == before
    assert len(assay.api.runs()) == runs
