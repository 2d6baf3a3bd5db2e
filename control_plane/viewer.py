"""`python -m control_plane.viewer …`: the web server for those who look and change nothing.

dagster-webserver with `--read-only`, and without what that leaves open: two mutations ask for no
permission, and a run's debug file holds more than its page shows. Here every mutation is refused,
also those of later versions, before anything of it is looked at. Its database role may only read:
what Dagster would write while somebody looks, it leaves alone.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

import dagster_webserver.app
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster_webserver.webserver import DagsterWebserver
from graphql import ASTValidationRule, GraphQLError, OperationDefinitionNode, OperationType
from starlette.routing import BaseRoute, Route

from control_plane.webserver import serve

READ_ONLY = "--read-only"
CLOSED = ("/download_debug/", "/report_asset_")


class NoMutation(ASTValidationRule):
    """A rule of GraphQL's validation: a document with a mutation is not valid here."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_path: object) -> None:
        """Called for each operation of a document."""
        if node.operation is OperationType.MUTATION:
            self.report_error(GraphQLError("You may look, and change nothing: viewer.", node))


class ViewerWebserver(DagsterWebserver[Any, Any]):
    """The web server without mutations and without the routes that are not for looking."""

    def build_graphql_validation_rules(self) -> Collection[type[ASTValidationRule]]:
        """The usual rules, and ours."""
        return [*super().build_graphql_validation_rules(), NoMutation]

    def build_routes(self) -> list[BaseRoute]:
        """The usual routes but the closed ones: an unknown path shows the UI's first page."""
        routes: list[BaseRoute] = super().build_routes()  # type: ignore[no-untyped-call]
        return [
            route
            for route in routes
            if not (isinstance(route, Route) and route.path.startswith(CLOSED))
        ]


def leave_the_cache_alone() -> None:
    """Make this process keep no cache of partitions' states, which it would write into a table.

    It still uses what the others have written, and computes what came since.
    """
    SqlEventLogStorage.can_write_asset_status_cache = _may_not  # type: ignore[assignment, method-assign]


def _may_not(_storage: SqlEventLogStorage) -> bool:
    return False


def main() -> None:
    """Serve until stopped; exits as dagster-webserver does."""
    leave_the_cache_alone()
    # There is no public way to have the command serve another class than its own.
    dagster_webserver.app.DagsterWebserver = ViewerWebserver  # type: ignore[attr-defined]
    serve([READ_ONLY, *sys.argv[1:]])


if __name__ == "__main__":
    main()
