"""What every materialisation says of itself in the UI: counts, columns, time, memory, a picture."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import dagster as dg

from user_code.shared.publishing import PublishedFacts
from user_code.shared.run_cost import run_cost

# The event log keeps every materialisation's picture for ever.
_LARGEST_PLOT = 200_000


def materialization_metadata(
    published: PublishedFacts, *, seconds: float, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Metadata of one materialisation: rows, column schema, duration (s), the run's cost so far.

    `extra` is added as it is; it must hold counts and names only, never rows.
    """
    columns = [dg.TableColumn(name=name, type=str(kind)) for name, kind in published.schema.items()]
    return {
        "dagster/row_count": published.rows,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "duration_s": round(seconds, 3),
        **run_cost(),
        **({} if published.changed is None else {"warehouse_rows_changed": published.changed}),
        **(extra or {}),
    }


def plot_metadata(picture: bytes, kind: str = "png") -> dg.MetadataValue:
    """A picture (`kind`: png or svg+xml) as metadata that the UI shows as an image.

    ValueError if it is larger than 200 kB.
    """
    if len(picture) > _LARGEST_PLOT:
        raise ValueError(f"the plot has {len(picture)} bytes: draw it with at most {_LARGEST_PLOT}")
    text = base64.b64encode(picture).decode("ascii")
    return dg.MetadataValue.md(f"![plot](data:image/{kind};base64,{text})")
