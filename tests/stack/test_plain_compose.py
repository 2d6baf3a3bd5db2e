"""Compose by hand, without `make`: it starts, stops and replaces the same Assay."""

import subprocess
import time
from pathlib import Path

import pytest
from assay_stack import AssayStack
from test_redeploy import change
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")


def compose(assay: AssayStack, *words: str) -> str:
    """`docker compose …` as a person would type it, in the folder that holds the `.env`."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    program = ["docker", "compose"] if plugin.returncode == 0 else [".tools/docker-compose"]
    return assay.script(*program, "--env-file", str(assay.env_file), *words, seconds=600)


def test_down_and_up_without_make(assay: AssayStack) -> None:
    rows = assay.count("genomics.variant_analysis")
    compose(assay, "down")
    compose(assay, "up", "--detach", "--wait")
    wait_for("the code location", assay.api.location, seconds=180)
    assert assay.count("genomics.variant_analysis") == rows


def test_user_code_is_built_and_replaced_alone(assay: AssayStack) -> None:
    definitions = assay.tree / "user_code/definitions.py"
    before = definitions.read_text()
    untouched = {name: assay.service(name)["Id"] for name in ("webserver", "daemon", "postgres")}
    try:
        change(definitions, "Built by hand.", sensor="built_by_hand")
        compose(assay, "up", "--detach", "--build", "user_code")
        moment = time.time()
        wait_for("the new definition", lambda: shows(assay, "Built by hand."), seconds=30)
        wait_for(
            "the new sensor's tick",
            lambda: "built_by_hand" in assay.api.looked_since(moment),
            seconds=90,
        )
    finally:
        definitions.write_text(before)
    assert {name: assay.service(name)["Id"] for name in untouched} == untouched


def test_code_that_does_not_load_is_not_built(assay: AssayStack) -> None:
    definitions: Path = assay.tree / "user_code/definitions.py"
    before, server = definitions.read_text(), assay.service("user_code")["Id"]
    try:
        definitions.write_text(before + "\nraise RuntimeError('half a thought')\n")
        with pytest.raises(AssertionError, match="half a thought"):
            compose(assay, "up", "--detach", "--build", "user_code")
    finally:
        definitions.write_text(before)
    assert assay.service("user_code")["Id"] == server


def shows(assay: AssayStack, description: str) -> bool:
    return assay.api.descriptions()["daily_summary"] == description
