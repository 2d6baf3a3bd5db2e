"""The gateway's rules, one by one, with its real configuration before upstreams that tell."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import docker
from lone_gateway import PASSWORD, SSO, LoneGateway, Playground, basic, users_file
from waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
JSON = {"Content_Type": "application/json"}
FILTER = REPOSITORY / "docs/fail2ban/assay.conf"
CADDYFILE = REPOSITORY / "deploy/gateway/Caddyfile"


@pytest.fixture(scope="module")
def gateway(playground: Playground) -> Iterator[LoneGateway]:
    with playground.gateway("plain") as running:
        yield running


@pytest.fixture(scope="module")
def sso(playground: Playground) -> Iterator[LoneGateway]:
    with playground.gateway("sso", **SSO) as running:
        yield running


@pytest.mark.parametrize(
    "path",
    ["/", "/graphql", "/server_info", "/logs/a/b.err", "/reports/x/report.html", "/metrics",
     "/download_debug/1", "/report_asset_materialization/x", "/_next/static/x.js", "//graphql"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT"])
def test_nothing_is_shown_without_a_login(gateway: LoneGateway, path: str, method: str) -> None:
    for login in ({}, {"Authorization": basic("anna", "wrong")}, {"Authorization": "Bearer x"}):
        answer = gateway.ask(method, path, None, **JSON, **login)
        assert answer.status == 401
        assert "server" not in answer.text


def test_a_role_leads_to_its_own_server_and_no_login_goes_further(gateway: LoneGateway) -> None:
    for name, server in (("anna", "webserver"), ("vera", "viewer")):
        seen = gateway.ask("POST", "/graphql", name, "{}", Cookie="a=b", **JSON).seen
        assert seen["server"] == server
        assert not {"authorization", "cookie"} & set(seen["headers"])
    for path, server in (("/reports/a/report.html", "reports"), ("/metrics", "metrics")):
        assert gateway.ask("GET", path, "vera").seen["server"] == server


def test_a_viewer_gets_no_debug_file(gateway: LoneGateway) -> None:
    for path in ("/download_debug/1", "/download_debug%2F1", "/DOWNLOAD_DEBUG/1"):
        assert gateway.ask("GET", path, "vera").status == 403
    assert gateway.ask("GET", "/download_debug/1").status == 200


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
]
WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
             "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
@pytest.mark.parametrize("login", ["anna", "vera"])
def test_another_sites_page_changes_nothing(
    gateway: LoneGateway, foreign: dict[str, str], login: str
) -> None:
    headers = {name: value.format(port=gateway.port) for name, value in foreign.items()}
    assert gateway.ask("POST", "/graphql", login, "{}", **JSON, **headers).status == 403
    assert gateway.ask("GET", "/graphql", login, **WEBSOCKET, **headers).status == 403
    shouted = WEBSOCKET | {"Upgrade": "WebSocket"}
    assert gateway.ask("GET", "/graphql", login, **shouted, **headers).status == 403
    # To look from elsewhere, by a link in an alert say, is fine.
    assert gateway.ask("GET", "/runs/1", login, **headers).status == 200


@pytest.mark.parametrize(
    "own", [{}, {"Origin": "http://127.0.0.1:{port}"}, {"Sec_Fetch_Site": "same-origin"}], ids=str
)
def test_our_own_pages_and_scripts_may(gateway: LoneGateway, own: dict[str, str]) -> None:
    headers = {name: value.format(port=gateway.port) for name, value in own.items()}
    for kind in ("application/json", "application/json; charset=utf-8"):
        answer = gateway.ask("POST", "/graphql", "anna", '{"a": 1}', Content_Type=kind, **headers)
        assert answer.seen["body"] == '{"a": 1}'
    assert gateway.ask("GET", "/graphql", "anna", **WEBSOCKET, **headers).status == 101


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "",
     "application/graphql", "text/plain; application/json", "application/jsonx",
     "application/x-www-form-urlencoded;application/json"],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/graphql", "/report_asset_materialization/x", "/graphql?query=x"]
)
def test_what_a_form_can_send_is_refused(gateway: LoneGateway, kind: str, path: str) -> None:
    assert gateway.ask("POST", path, "anna", "{}", Content_Type=kind).status == 415


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    ["/graphql?query=mutation{setNuxSeen}", "/graphql?query=mutation{a;b}", "/%67raphql?query=x",
     "/graphql?a=b", "/graphql/?query=x", "/graphql?;query=x"],
)  # fmt: skip
def test_graphql_by_get_is_refused(gateway: LoneGateway, method: str, path: str) -> None:
    for accept in ("*/*", "text/html"):
        assert gateway.ask(method, path, "anna", Accept=accept).status == 405
    assert gateway.ask("GET", "/graphql", "anna", Accept="text/html").status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(gateway: LoneGateway, method: str) -> None:
    assert gateway.ask(method, "/graphql", "anna", **JSON).status in (400, 405)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example"])
def test_a_name_that_was_made_to_lead_here_gets_nothing(gateway: LoneGateway, host: str) -> None:
    answer = gateway.ask("GET", "/", "anna", Host=host.format(port=gateway.port))
    assert answer.status == 421
    assert "server" not in answer.text


def test_every_answer_says_what_a_browser_may_do_with_it(gateway: LoneGateway) -> None:
    for answer in (gateway.ask("GET", "/"), gateway.ask("GET", "/", None)):
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        for kind in ("opener", "resource"):
            assert answer.headers[f"cross-origin-{kind}-policy"] == "same-origin"
        for device in ("camera", "microphone", "geolocation"):
            assert f"{device}=()" in answer.headers["permissions-policy"]
        for rule in ("frame-ancestors 'none'", "form-action 'self'", "base-uri 'self'"):
            assert rule in answer.headers["content-security-policy"]
        assert not {"access-control-allow-origin", "set-cookie", "server"} & set(answer.headers)


def test_a_huge_request_is_refused(gateway: LoneGateway) -> None:
    answer = gateway.ask("POST", "/graphql", "anna", " " * 10_000_001, **JSON)
    assert answer.status in (400, 413, 502)
    assert "server" not in answer.text
    # More than ours, and less than what the upstream, or Caddy by itself, would refuse.
    assert gateway.ask("GET", "/", "anna", X_Much="a" * 40_000).status == 431


def test_a_slow_request_is_given_up(gateway: LoneGateway) -> None:
    """Who sends a byte now and then holds no connection for ever."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=40) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never-Ending: ")
        while slow.recv(4096):
            pass  # that it was too slow may be said before the end
    assert 5 < time.monotonic() - begun < 30
    # The other limits take too long to be waited for.
    limits = re.findall(
        r"^\t+(read_body|write|idle) (\d+[sm])$", CADDYFILE.read_text(), re.MULTILINE
    )
    assert limits == [("read_body", "60s"), ("write", "15m"), ("idle", "5m")]


def test_a_service_that_is_away_is_said_plainly(playground: Playground) -> None:
    with playground.gateway("away", GATEWAY_METRICS="nobody-here:9464") as gateway:
        answer = gateway.ask("GET", "/metrics")
        assert answer.status == 502
        assert "does not answer" in answer.text


def test_a_wrong_login_is_logged_for_fail2ban_and_no_secret_is(gateway: LoneGateway) -> None:
    gateway.ask("GET", "/login-page", None)
    gateway.ask("GET", "/guess?token=SECRET", None, Authorization=basic("anna", "GUESSED"))
    gateway.ask("GET", "/fine?sample=SECRET", "anna", Cookie="c=SECRET", X_Token="SECRET")
    lines = gateway.log().splitlines()
    assert not [line for line in lines if "SECRET" in line or PASSWORD in line]
    assert not [line for line in lines if basic("anna") in line or basic("anna", "GUESSED") in line]
    (rule,) = re.findall(r"^failregex = (.*)$", FILTER.read_text(), re.MULTILINE)
    pattern = re.compile(rule.replace("<HOST>", r"(?P<host>[0-9a-fA-F:.]+)"))
    struck = [line for line in lines if pattern.search(line)]
    assert struck
    assert all('"status":401' in line for line in struck)
    assert any("/guess" in line for line in struck)
    # fail2ban cuts the time out first: its pattern of a moment knows six digits of a fraction.
    cut = [re.sub(r'"ts":\d{10}(\.\d{1,6}(?=\D))?', "", line) for line in struck]
    assert cut != struck
    assert all(pattern.search(line) for line in cut)
    # Every browser's first request is without a login: it strikes nobody.
    assert not [line for line in struck if "/login-page" in line or "/fine" in line]


def test_what_a_sign_on_gives_a_browser_is_not_logged(sso: LoneGateway) -> None:
    answer = sso.ask("GET", "/oauth2/callback?code=SECRET", None, Cookie="state=SECRET")
    assert "SECRET" in answer.headers["location"]
    assert "SECRET" in answer.headers["set-cookie"]
    assert "/oauth2/callback" in sso.log()
    assert "SECRET" not in sso.log()


def test_a_changed_file_of_logins_holds_without_a_restart(playground: Playground) -> None:
    with playground.gateway("changing", {}) as gateway:
        answer = gateway.ask("GET", "/")
        assert answer.status == 503
        assert "make user" in answer.text
        started = docker("inspect", "-f", "{{.State.StartedAt}}", gateway.container)
        users_file(gateway.folder, {"anna": "viewer"})
        wait_for("the login", lambda: gateway.ask("GET", "/").status == 200, seconds=60)
        assert gateway.ask("GET", "/").seen["server"] == "viewer"
        users_file(gateway.folder, {"bert": "admin"})
        wait_for("its end", lambda: gateway.ask("GET", "/").status == 401, seconds=60)
        assert docker("inspect", "-f", "{{.State.StartedAt}}", gateway.container) == started


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "::"])
def test_an_address_that_others_reach_needs_tls_and_a_login(
    playground: Playground, address: str
) -> None:
    said = playground.refusal("bare", {"anna": "admin"}, ASSAY_UI_ADDRESS=address)
    assert f"ASSAY_UI_ADDRESS={address} lets others in, but without TLS" in said
    said = playground.refusal("bare", {}, ASSAY_UI_ADDRESS=address, ASSAY_TLS="internal")
    assert "there is no user who could log in" in said
    assert "make user" in said


def test_nonsense_and_missing_certificates_are_refused(playground: Playground) -> None:
    assert "is none of" in playground.refusal("bare", {"anna": "admin"}, ASSAY_TLS="maybe")
    assert "cert.pem" in playground.refusal("bare", {"anna": "admin"}, ASSAY_TLS="files")
    assert "no name" in playground.refusal("bare", {"anna": "admin"}, ASSAY_UI_HOSTS="a{b}")


@pytest.mark.parametrize(
    ("who", "server"), [("ada", "webserver"), ("vic", "viewer"), ("sly", None), ("mute", None)]
)
def test_single_sign_on_gives_the_role(sso: LoneGateway, who: str, server: str | None) -> None:
    answer = sso.ask("GET", "/runs", None, Cookie=f"session={who}")
    if server is None:
        assert answer.status == 403
        assert "may do nothing here" in answer.text
    else:
        assert answer.seen["server"] == server


def test_nobody_gives_himself_a_role(sso: LoneGateway) -> None:
    forged = {"X_Auth_Request_User": "ada", "X_Auth_Request_Groups": "assay-admin"}
    assert sso.ask("GET", "/runs", None, **forged).status == 302
    assert sso.ask("GET", "/runs", None, Cookie="session=mute", **forged).status == 403
    answer = sso.ask("GET", "/runs", None, Cookie="session=vic", **forged)
    assert answer.seen["server"] == "viewer"
    seen = sso.ask("GET", "/runs", "vera", **forged).seen
    assert seen["server"] == "viewer"
    # Whether a sign-on that says nothing of these leaves them alone differs from Caddy to Caddy.
    assert not {"x-auth-request-user", "x-auth-request-groups"} & set(seen["headers"])
    # A login that looks like a password but is none does not open the other door.
    assert sso.ask("GET", "/", None, Authorization="basic x", Cookie="session=mute").status == 403


def test_strangers_are_sent_to_the_sign_on_and_scripts_use_passwords(sso: LoneGateway) -> None:
    answer = sso.ask("GET", "/runs", None)
    assert (answer.status, answer.headers["location"]) == (302, "/oauth2/start")
    assert sso.ask("GET", "/oauth2/start", None).status == 200
    assert sso.ask("POST", "/graphql", "anna", "{}", **JSON).seen["server"] == "webserver"
    assert sso.ask("GET", "/", None, Authorization=basic("anna", "wrong")).status == 401
    foreign = {"Cookie": "session=ada", "Origin": "http://evil.example", **JSON}
    assert sso.ask("POST", "/graphql", None, "{}", **foreign).status == 403
