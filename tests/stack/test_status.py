"""`make status` of a whole Assay: what is read when all is well, and when a part is not."""

import pytest
from assay_stack import AssayStack
from docker_engine import docker
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")


def status_of_trouble(assay: AssayStack, *before: str) -> str:
    """What `make status` prints that ends with a failure."""
    with pytest.raises(AssertionError) as ended:
        assay.script(*before, "make", "status")
    said = str(ended.value)
    assert "All is well." not in said
    return said


def test_it_says_what_is_open_and_once_all_is_looked_after_that_all_is_well(
    assay: AssayStack,
) -> None:
    said = status_of_trouble(assay)
    assert "alerts     3 open" in said
    assert "! alerts are open → make alerts" in said
    for (key,) in assay.psql("select key from ops.alerts where state = 'open'"):
        assay.script("make", "alert-ack", f"KEY={key}")
    said = wait_for("all to be well", lambda: assay.script("make", "status"), seconds=120, every=3)
    assert said.splitlines()[-1] == "All is well."
    for line in (
        *("daemon             running, healthy", "secrets            exited with 0"),
        *("code       user_code: loaded", "queue      0 waiting", "failed     no run"),
        *("stale      no asset", "alerts     none is open", "GB free under the volumes"),
    ):
        assert line in said
    assert "!" not in said


def test_a_stopped_service_is_named_with_what_to_do(assay: AssayStack) -> None:
    reports, alerter = (str(assay.service(name)["Id"]) for name in ("reports", "alerter"))
    try:
        docker("stop", reports)
        said = status_of_trouble(assay)
        assert "! reports: exited with" in said
        assert "→ make up; why: make logs SERVICE=reports" in said
        # The rest is shown all the same.
        assert "code       user_code: loaded" in said
        docker("stop", alerter)
        said = status_of_trouble(assay)
        assert "! the alerter, which knows the rest, does not answer → make up" in said
        assert "! reports: exited with" in said
    finally:
        docker("start", reports, alerter)
    wait_for(
        "both to be healthy",
        lambda: all(
            assay.service(name)["State"]["Health"]["Status"] == "healthy"
            for name in ("reports", "alerter")
        ),
        seconds=120,
    )


def test_an_engine_that_is_away_is_said_and_what_to_do(assay: AssayStack) -> None:
    said = status_of_trouble(assay, "env", "DOCKER_HOST=unix:///nowhere/docker.sock")
    assert "the Docker engine does not answer: nothing runs" in said
    assert "! start it (sudo systemctl start docker), then: make up" in said
