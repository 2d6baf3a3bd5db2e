"""What the tests ask of a running Assay, by its GraphQL API alone."""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

LOCATIONS = """
query { workspaceOrError { __typename ... on PythonError { message }
  ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename
    ... on PythonError { message stack }
    ... on RepositoryLocation { name repositories { name
      sensors { name sensorState { status ticks(limit: 1) { timestamp status } } }
      assetNodes { assetKey { path } description groupName } } } } } } } }
"""
RUNS = """
query($filter: RunsFilter, $limit: Int) { runsOrError(filter: $filter, limit: $limit) {
  __typename ... on PythonError { message } ... on Runs { results {
    runId status jobName tags { key value } creationTime startTime endTime
    assetSelection { path } } } } }
"""
EVENTS = """
query($run: ID!, $after: String) { logsForRun(runId: $run, afterCursor: $after) { __typename
  ... on PythonError { message }
  ... on EventConnection { cursor hasMore events { __typename
    ... on MessageEvent { message timestamp level }
    ... on LogsCapturedEvent { fileKey }
    ... on ExecutionStepFailureEvent { error { message cause { message } } }
    ... on EngineEvent { error { message } }
    ... on RunFailureEvent { error { message } } } } } }
"""
CAPTURED = """
query($key: [String!]!) { capturedLogs(logKey: $key) { stdout stderr } }
"""
ASSET = """
query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { __typename ... on Asset {
  assetMaterializations(limit: 200) { runId partition timestamp metadataEntries { __typename label
    ... on IntMetadataEntry { intValue } ... on MarkdownMetadataEntry { mdStr }
    ... on FloatMetadataEntry { floatValue } ... on TextMetadataEntry { text } } } } } }
"""
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on InvalidSubsetError { message }
  ... on PipelineNotFoundError { message } } }
"""
TERMINATE = """
mutation($run: String!) { terminateRun(runId: $run) { __typename
  ... on TerminateRunFailure { message } ... on PythonError { message } } }
"""
# The shortest mutation that leaves something behind: a materialisation of any asset, by its name.
REPORT_ASSET = """
mutation { reportRunlessAssetEvents(eventParams: {
  eventType: ASSET_MATERIALIZATION, assetKey: {path: ["%s"]} }) { __typename } }
"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


class DagsterApi:
    """A GraphQL client of one Assay; `url` has no trailing slash. Times out after 60 s.

    An answer to `cancel` waits for the run's container, which has ten seconds to end by itself.
    """

    def __init__(self, url: str, name: str = "", password: str = "") -> None:
        self.url = url
        self.log_in(name, password)

    def log_in(self, name: str, password: str) -> None:
        """Send this login with whatever is asked from now on."""
        self.name, self.password = name, password
        self.authorization = "Basic " + b64encode(f"{name}:{password}".encode()).decode()

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The `data` of one request; AssertionError with the server's words if it has errors."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json", "Authorization": self.authorization},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"HTTP {error.code}: {error.read()[:2000]!r}") from error
        assert not body.get("errors"), body["errors"]
        data: dict[str, Any] = body["data"]
        for part in data.values():
            if isinstance(part, dict) and part.get("__typename") == "PythonError":
                raise AssertionError(part["message"])
        return data

    def location(self) -> dict[str, Any]:
        """The one code location, loaded; AssertionError with its traceback if it is not."""
        (entry,) = self.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        loaded: dict[str, Any] = entry["locationOrLoadError"] or {}
        assert entry["loadStatus"] == "LOADED", f"location is {entry['loadStatus']}"
        assert loaded["__typename"] == "RepositoryLocation", f"code location broken: {loaded}"
        return loaded

    def repository(self) -> dict[str, Any]:
        """The one repository of the location: `sensors` and `assetNodes`."""
        (repository,) = self.location()["repositories"]
        found: dict[str, Any] = repository
        return found

    def descriptions(self) -> dict[str, str]:
        """Each asset's description, by the asset's name."""
        return {
            "/".join(node["assetKey"]["path"]): node["description"] or ""
            for node in self.repository()["assetNodes"]
        }

    def sensors(self) -> dict[str, str]:
        """Each sensor's state, RUNNING or STOPPED, by its name."""
        return {s["name"]: s["sensorState"]["status"] for s in self.repository()["sensors"]}

    def looked_since(self, moment: float) -> set[str]:
        """The sensors that ended a tick which began after `moment` (seconds since the epoch)."""
        return {
            sensor["name"]
            for sensor in self.repository()["sensors"]
            for tick in sensor["sensorState"]["ticks"]
            if tick["timestamp"] > moment and tick["status"] != "STARTED"
        }

    def unfinished(self) -> list[str]:
        """Ids of the runs that wait or go on."""
        return [run["runId"] for run in self.runs() if run["status"] not in FINISHED]

    def runs(self, limit: int = 500, **run_filter: object) -> list[dict[str, Any]]:
        """Runs, newest first, but for those that the clock asks for: they come at any moment.

        `run_filter` as the API's RunsFilter; tags become a dict.
        """
        found = self.ask(RUNS, filter=run_filter or None, limit=limit)["runsOrError"]["results"]
        found = [run for run in found if run["jobName"] != "finance_timeliness"]
        for run in found:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["tags"]}
        return list(found)

    def run(self, run_id: str) -> dict[str, Any]:
        """One run by its id; AssertionError if there is none."""
        found = self.runs(runIds=[run_id])
        assert found, f"no run {run_id}"
        return found[0]

    def finished(self, run_id: str) -> dict[str, Any] | None:
        """The run if it has ended, whichever way, else None."""
        run = self.run(run_id)
        return run if run["status"] in FINISHED else None

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """All events of a run, in their order."""
        events: list[dict[str, Any]] = []
        cursor = None
        while True:
            part = self.ask(EVENTS, run=run_id, after=cursor)["logsForRun"]
            events += part["events"]
            cursor = part["cursor"]
            if not part["hasMore"]:
                return events

    def story(self, run_id: str, lines: int = 40) -> str:
        """A run's last messages, for an assertion's text."""
        events = self.events(run_id)[-lines:]
        return "\n".join(
            " ".join([f"{event['__typename']}: {event.get('message', '')}", *_errors(event)])
            for event in events
        )

    def compute_logs(self, run_id: str) -> str:
        """What the run's steps wrote to stdout and stderr, as the UI would show it."""
        text = ""
        for event in self.events(run_id):
            if event["__typename"] == "LogsCapturedEvent":
                key = [run_id, "compute_logs", event["fileKey"]]
                logs = self.ask(CAPTURED, key=key)["capturedLogs"]
                text += (logs["stdout"] or "") + (logs["stderr"] or "")
        return text

    def materializations(self, asset: str) -> list[dict[str, Any]]:
        """An asset's newest materialisations (200 at most), newest first."""
        found = self.ask(ASSET, key={"path": [asset]})["assetOrError"]
        return list(found.get("assetMaterializations", []))

    def report_materialization(self, asset: str) -> None:
        """Note that an asset has been renewed outside; AssertionError if it is refused."""
        answer = self.ask(REPORT_ASSET % asset)["reportRunlessAssetEvents"]
        assert answer["__typename"] == "ReportRunlessAssetEventsSuccess", answer

    def launch(
        self,
        job: str,
        config: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
        assets: list[str] | None = None,
    ) -> str:
        """Ask for a run of a job, or of some assets of it; its run id."""
        location = self.location()
        selector: dict[str, object] = {
            "repositoryLocationName": location["name"],
            "repositoryName": location["repositories"][0]["name"],
            "jobName": job,
        }
        if assets:
            selector["assetSelection"] = [{"path": [name]} for name in assets]
        params = {
            "selector": selector,
            "runConfigData": dict(config or {}),
            "executionMetadata": {
                "tags": [{"key": k, "value": v} for k, v in (tags or {}).items()]
            },
        }
        answer = self.ask(LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run; AssertionError if it is refused."""
        answer = self.ask(TERMINATE, run=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer


def _errors(event: dict[str, Any]) -> Iterator[str]:
    """What an event says of an error and of what led to it."""
    error = event.get("error")
    while error:
        yield error["message"]
        error = error.get("cause")
