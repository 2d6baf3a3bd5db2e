"""What a run's partitions say of themselves once they are published."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from user_code.shared.publishing import PublishedFacts
from user_code.shared.run_facts import materialization_metadata


def tell_published(
    context: dg.AssetExecutionContext,
    partitions: Sequence[str],
    published: Mapping[str, PublishedFacts],
    begin: float,
    extra: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Metadata on each partition's materialisation: counts and names, never rows.

    Dagster records a materialisation for each of the run's partitions, also for one that a newer
    run has published meanwhile: those say so, and how many they are.
    """
    seconds = (time.monotonic() - begin) / max(len(published), 1)
    superseded = sorted(set(partitions) - set(published))
    count = {"superseded_partitions": len(superseded)} if superseded else {}
    for key, facts in published.items():
        metadata = materialization_metadata(
            facts, seconds=seconds, extra={**(extra or {}).get(key, {}), **count}
        )
        if key not in partitions:
            # Another date that the run's files have rows of.
            context.log_event(
                dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
            )
        elif len(partitions) == 1:
            context.add_output_metadata(metadata)
        else:
            context.add_asset_metadata(metadata, partition_key=key)
    for key in superseded:
        context.add_asset_metadata({"superseded": True, **count}, partition_key=key)
