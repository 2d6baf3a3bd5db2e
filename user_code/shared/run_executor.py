"""How a run executes its steps: one after another in its own process, with its cost in its log.

A run is isolated by its container: a second level of processes would cost seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import dagster as dg

# The one import that isn't public: without it an event of the engine can carry no metadata.
# tests/shared/test_run_executor.py fails when it moves.
from dagster._core.events import EngineEventData

from user_code.shared.run_cost import run_cost


class CostTellingExecutor(dg.Executor):
    """Another executor, and at its end, however it ends, an event with the run's memory and CPU."""

    def __init__(self, inner: dg.Executor) -> None:
        """`inner` executes the steps."""
        self._inner = inner

    @property
    def retries(self) -> Any:
        """Those of the executor inside."""
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Any:
        """That of the executor inside."""
        return self._inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        """The events of the executor inside; the cost goes to the log directly.

        A generator that an exception ends can yield no more events of its own.
        """
        try:
            yield from self._inner.execute(plan_context, execution_plan)
        finally:
            plan_context.instance.report_engine_event(
                "What the run cost, from the start of its process to the end of its steps",
                plan_context.dagster_run,
                EngineEventData(metadata=run_cost()),
            )


def _create(context: dg.InitExecutorContext) -> dg.Executor:
    create = dg.in_process_executor.executor_creation_fn
    assert create is not None
    return CostTellingExecutor(create(context))


run_executor = dg.ExecutorDefinition(
    name=dg.in_process_executor.name,
    # It takes what it gives, though its annotation names only what people write.
    config_schema=cast(Any, dg.in_process_executor.config_schema),
    executor_creation_fn=_create,
)
