"""What an alert says of an asset: its domain, its owners, the page that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import dagster as dg

from user_code.settings import settings


def ui_link(path: str) -> str:
    """`path` of the UI (begins with a slash) as a link; nothing where the UI's address is unset."""
    ui_url = settings().ui_url
    return f"{ui_url}{path}" if ui_url else ""


def asset_link(key: dg.AssetKey, view: str = "") -> str:
    """The asset's page, or a `view` of it (`checks`)."""
    path = "/assets/" + "/".join(quote(part, safe="") for part in key.path)
    return ui_link(path + (f"?view={view}" if view else ""))


def domain_and_owners(
    context: dg.SensorEvaluationContext, keys: Iterable[dg.AssetKey]
) -> tuple[str, list[str]]:
    """Group and owners of the first of `keys` that is defined here: groups are named by domain."""
    repository = context.repository_def
    if repository is not None:
        graph = repository.asset_graph
        for key in keys:
            if graph.has(key):
                node = graph.get(key)
                return node.group_name, list(node.owners)
    return "", []
