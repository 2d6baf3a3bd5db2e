"""Failures that no retry heals: a damaged file, a refused request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import dagster as dg

from user_code.shared.run_cost import run_cost


def fail_permanently(
    context: Any, message: str, metadata: Mapping[str, Any] | None = None
) -> NoReturn:
    """Fail the step and the run for good. `context` is an op's, an asset's or a check's.

    `Failure(allow_retries=False)` stops the step's retries only: the daemon would still retry the
    run, so that the run is tagged first. `message` says where, what, and what to do, without data.
    Always raises dagster.Failure.
    """
    run_id = run_id_of(context)
    instance = context.instance
    if instance.has_run(run_id):  # an asset that is called as a function has no run
        instance.add_run_tags(run_id, {"dagster/max_retries": "0"})
    facts = {**run_cost(), **(metadata or {})}
    raise dg.Failure(description=message, metadata=facts, allow_retries=False)


def run_id_of(context: Any) -> str:
    """The run's id, from an op's or an asset's context (an asset's own attribute is deprecated)."""
    return str(getattr(context, "op_execution_context", context).run_id)
