"""What a page of another site can make a logged-in browser do to Assay, in a real Chromium."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote
from uuid import uuid4

import pytest
from assay_stack import AssayStack
from chromium import CHROMIUM, needs_chromium
from dagster_api import REPORT_ASSET
from playwright.sync_api import BrowserContext, Page, Response, sync_playwright

pytestmark = [needs_chromium, pytest.mark.usefixtures("samples_done")]


# Each returns when the browser has its answer, whatever it is.
POST = """([url, body, kind, mode, credentials]) => fetch(url, {
    method: 'POST', body: body, mode: mode, credentials: credentials,
    headers: kind ? {'Content-Type': kind} : {},
}).then(answer => answer.type === 'opaque' ? 'opaque' : answer.text(), error => `${error}`)"""
GET = """([url, mode]) => fetch(url, {mode: mode, credentials: 'include'})
    .then(answer => answer.type === 'opaque' ? 'opaque' : answer.text(), error => `${error}`)"""
# The two protocols that GraphQL servers speak over a WebSocket; Dagster's is the first.
SOCKET = """([url, protocol, query]) => new Promise(done => {
    const socket = new WebSocket(url, protocol);
    const said = [];
    socket.onopen = () => {
        said.push('open');
        socket.send(JSON.stringify({type: 'connection_init', payload: {}}));
        socket.send(JSON.stringify({type: 'start', id: '1', payload: {query: query}}));
    };
    socket.onmessage = message => {
        said.push(message.data);
        if (/"(data|error|complete)"/.test(message.data)) { socket.close(); }
    };
    socket.onclose = () => done(said);
})"""


class _Anything(BaseHTTPRequestHandler):
    """An empty page at every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>another site</title>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: pytest's output is for the tests."""


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """A web server that is not Assay, on this host."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Anything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def logged_in(assay: AssayStack) -> Iterator[BrowserContext]:
    """A browser in which the admin has logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # Its sandbox doesn't work for root, nor in most containers; it sees our pages only.
            args=["--no-sandbox"],
        )
        context = browser.new_context(
            http_credentials={"username": assay.api.name, "password": assay.api.password}
        )
        context.set_default_timeout(60_000)
        context.new_page().goto(f"{assay.api.url}/server_info")
        yield context
        browser.close()


# Another one for each test: what still loads in one would stop the next one's first page.
@pytest.fixture
def tab(logged_in: BrowserContext) -> Iterator[Page]:
    """A new tab of that browser."""
    page = logged_in.new_page()
    yield page
    page.close()


# Another port is another origin of the same site, another name another site.
@pytest.fixture(params=["127.0.0.1", "localhost"])
def elsewhere(request: pytest.FixtureRequest, tab: Page, foreign_port: int) -> Page:
    """The tab, on a page of somebody else's."""
    tab.goto(f"http://{request.param}:{foreign_port}/")
    return tab


@pytest.fixture
def answers(assay: AssayStack, tab: Page) -> Iterator[list[Response]]:
    """What Assay answered the tab since the test began."""
    found: list[Response] = []

    def note(response: Response) -> None:
        if response.url.startswith(assay.api.url):
            found.append(response)

    tab.on("response", note)
    yield found
    tab.remove_listener("response", note)


@pytest.fixture
def forged() -> str:
    """The name of an asset that is none, another one in each test."""
    return f"forged_{uuid4().hex}"


def attack(assay: AssayStack, forged: str) -> str:
    """An address with the mutation in it: Dagster executes that if the body is no JSON."""
    return f"{assay.api.url}/graphql?query={quote(REPORT_ASSET % forged)}"


def left_behind(assay: AssayStack, asset: str) -> int:
    """How many materialisations there are of an asset that is none."""
    return len(assay.api.materializations(asset))


def test_our_own_page_may(assay: AssayStack, tab: Page, forged: str) -> None:
    """Without this the other tests would show nothing."""
    tab.goto(f"{assay.api.url}/server_info")
    body = json.dumps({"query": REPORT_ASSET % forged})
    tab.evaluate(POST, [f"{assay.api.url}/graphql", body, "application/json", "cors", "include"])
    assert left_behind(assay, forged) == 1
    url = f"ws://127.0.0.1:{assay.port}/graphql"
    said = tab.evaluate(SOCKET, [url, "graphql-ws", REPORT_ASSET % forged])
    assert said[0] == "open"
    assert "connection_ack" in said[1]


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded",
             "multipart/form-data", ""]
)  # fmt: skip
def test_a_foreign_pages_fetch_changes_nothing(
    assay: AssayStack, elsewhere: Page, answers: list[Response], forged: str, mode: str, kind: str
) -> None:
    body = json.dumps({"query": REPORT_ASSET % forged})
    said = elsewhere.evaluate(POST, [attack(assay, forged), body, kind, mode, "include"])
    assert "opaque" in said or "Failed to fetch" in said, "the page could read the answer"
    assert {answer.status for answer in answers} <= {401, 403, 405, 415}
    assert left_behind(assay, forged) == 0


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
)
def test_a_foreign_pages_form_changes_nothing(
    assay: AssayStack, elsewhere: Page, forged: str, kind: str
) -> None:
    """It takes the whole tab there, as a link would: the login goes with it."""
    form = """([url, kind, query]) => {
        const form = document.createElement('form');
        Object.assign(form, {method: 'POST', action: url, enctype: kind});
        const field = document.createElement('textarea');
        // As plain text it becomes JSON, with the equals sign inside a string.
        const json = JSON.stringify({query: query, variables: {x: ''}});
        Object.assign(field, kind === 'text/plain'
            ? {name: json.slice(0, -3), value: json.slice(-3)} : {name: 'query', value: query});
        form.append(field);
        document.body.append(form);
        form.submit();
    }"""
    with elsewhere.expect_response(lambda answer: answer.request.method == "POST") as waiting:
        elsewhere.evaluate(form, [attack(assay, forged), kind, REPORT_ASSET % forged])
    assert waiting.value.status in (403, 415)
    assert left_behind(assay, forged) == 0


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
def test_a_foreign_pages_get_changes_nothing(
    assay: AssayStack, elsewhere: Page, answers: list[Response], forged: str, mode: str
) -> None:
    said = elsewhere.evaluate(GET, [attack(assay, forged), mode])
    assert "opaque" in said or "Failed to fetch" in said, "the page could read the answer"
    assert {answer.status for answer in answers} <= {401, 403, 405}
    elsewhere.goto(attack(assay, forged))
    assert answers[-1].status == 405
    assert left_behind(assay, forged) == 0


@pytest.mark.parametrize("protocol", ["graphql-ws", "graphql-transport-ws"])
def test_a_foreign_pages_websocket_is_not_opened(
    assay: AssayStack, elsewhere: Page, forged: str, protocol: str
) -> None:
    url = f"ws://127.0.0.1:{assay.port}/graphql"
    assert elsewhere.evaluate(SOCKET, [url, protocol, REPORT_ASSET % forged]) == []
    assert left_behind(assay, forged) == 0


def test_a_foreign_page_cannot_frame_assay(assay: AssayStack, elsewhere: Page) -> None:
    """Else it could have somebody click where she doesn't see it."""
    elsewhere.set_content(f'<iframe src="{assay.api.url}/server_info"></iframe>')
    elsewhere.wait_for_load_state("networkidle")
    (_, framed) = elsewhere.frames
    assert "dagster_webserver_version" not in framed.content()
