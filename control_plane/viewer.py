"""`python -m control_plane.viewer …`: the web server for those who look and change nothing.

dagster-webserver with `--read-only`, and without what that leaves open: two mutations ask for no
permission, and a run's debug file holds more than its page shows. Here every mutation is refused,
also those of later versions, before anything of it is looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

import dagster_webserver.app
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


def main() -> None:
    """Serve until stopped; exits as dagster-webserver does."""
    # There is no public way to have the command serve another class than its own.
    dagster_webserver.app.DagsterWebserver = ViewerWebserver  # type: ignore[attr-defined]
    serve([READ_ONLY, *sys.argv[1:]])


if __name__ == "__main__":
    main()
