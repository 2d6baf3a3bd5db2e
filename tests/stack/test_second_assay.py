"""A second Assay lives beside a running one, and goes without a trace."""

import os
from pathlib import Path

import pytest
from assay_stack import AssayStack, running
from inputs import calls
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("samples_done")


def test_two_assays_share_a_host_and_nothing_else(
    assay: AssayStack, stack_tree: Path, tmp_path: Path
) -> None:
    second = AssayStack(stack_tree, tmp_path, f"assaytest-{os.getpid()}b", ASSAY_SETTLE_SECONDS="2")
    before = assay.service("daemon")["State"]["StartedAt"]
    with running(second) as there:
        assert there.service("webserver")["State"]["Health"]["Status"] == "healthy"
        there.land("genomics/only_here.vcf", calls())
        wait_for(
            "its rows",
            lambda: there.count("genomics.variant_analysis", "call_set = 'only_here'"),
            seconds=240,
        )
        assert assay.count("genomics.variant_analysis", "call_set = 'only_here'") == 0

    assert assay.service("daemon")["State"]["StartedAt"] == before
    assert assay.service("daemon")["State"]["Running"]
    assert assay.api.location()
