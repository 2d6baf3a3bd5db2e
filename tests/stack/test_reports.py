"""Files that runs wrote for people: shown behind the login, able to do nothing, leading nowhere."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message

import pytest
from assay_stack import AssayStack
from chromium import needs_chromium, tab_of
from docker_engine import docker

pytestmark = pytest.mark.usefixtures("samples_done")

# What a run that was taken over would write: it would act as whoever opens it.
HOSTILE = """<title>a report</title><p>fine</p>
<script>document.title = "a script ran"</script>
<img src="/server_info?from-the-report"><link rel="stylesheet" href="/server_info?from-the-report">
<iframe src="/server_info?from-the-report"></iframe>
<form action="/graphql" method="post" enctype="text/plain"><button>press</button></form>
"""
PLANT = f"""
mkdir -p /reports/planted && cd /reports/planted
cat >report.html <<'END'
{HOSTILE}
END
echo hidden >.report.html.1.tmp
ln -sfn / way_out
"""


Shown = tuple[int, Message, str]
Ask = Callable[..., Shown]


def in_the_volume(assay: AssayStack, script: str) -> None:
    """As a run could: in its volume, by its user."""
    docker(
        "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", "10001:10001",
        "--volume", f"{assay.project}_reports:/reports",
        assay.setting("ASSAY_USER_CODE_IMAGE"), "bash", "-euc", script,
    )  # fmt: skip


@pytest.fixture(scope="module")
def planted(assay: AssayStack) -> Iterator[Ask]:
    """Asks for what was planted among the reports, as the admin."""

    def ask(path: str, method: str = "GET") -> Shown:
        headers = {"Authorization": assay.api.authorization, "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{assay.api.url}/reports/planted/{path}", headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    in_the_volume(assay, PLANT)
    try:
        yield ask
    finally:
        in_the_volume(assay, "rm -r /reports/planted")


def test_a_report_is_shown_and_may_do_nothing(planted: Ask) -> None:
    status, headers, text = planted("report.html")
    assert (status, text.strip()) == (200, HOSTILE.strip())
    # The gateway's own policy comes beside it: a browser keeps to both.
    (policy,) = [p for p in headers.get_all("Content-Security-Policy", []) if "sandbox" in p]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "form-action 'none'" in policy
    assert "allow-" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["", ".report.html.1.tmp", "no-such-report.html", "%2e%2e/"])
def test_no_folder_and_nothing_hidden_is_shown(planted: Ask, path: str) -> None:
    status, headers, text = planted(path)
    assert (status, text.strip()) == (404, "There is no such report.")
    assert "sandbox" in " ".join(headers.get_all("Content-Security-Policy", []))


def test_nothing_is_sent_to_the_reports(planted: Ask) -> None:
    assert planted("report.html", "POST")[0] == 405


@needs_chromium
def test_a_report_in_a_browser_runs_no_script_and_asks_for_nothing(
    assay: AssayStack, planted: Ask
) -> None:
    with tab_of(assay) as tab:
        answered: list[str] = []
        address = f"{assay.api.url}/reports/planted/report.html"
        # A request that the policy holds back is announced as well, and never answered.
        tab.on("response", lambda response: answered.append(response.url))
        tab.goto(address)
        tab.get_by_role("button").click()
        tab.wait_for_load_state("networkidle")
        assert tab.title() == "a report"
        # The browser's own request for a favicon is none of the page's.
        assert {url for url in answered if not url.endswith("/favicon.ico")} == {address}


# Below the root of whatever serves the reports: what a link could be meant for.
PRIVATE = (
    *("run/assay-secrets/pgpass", "secrets/vault/dagster", "assay/logins/users"),
    *("assay/tls/key.pem", "assay/gateway_state/caddy/pki/authorities/local/root.key"),
    *("assay/gateway_logs/access.log", "assay/data", "assay/landing", "assay/compute_logs"),
    *("var/run/docker.sock", "root", "mnt"),
)


def test_a_link_among_the_reports_leads_to_nothing_private(planted: Ask) -> None:
    # Links are followed, within the container of the reports:
    assert planted("way_out/assay/reports/planted/report.html")[0] == 200
    assert {path: planted(f"way_out/{path}")[0] for path in PRIVATE} == dict.fromkeys(PRIVATE, 404)
    # What it is told is nobody's secret: where Caddy keeps its files.
    for process in ("1", "self"):
        status, _, told = planted(f"way_out/proc/{process}/environ")
        assert status in (200, 404)
        assert "ASSAY_" not in told
        assert "PASS" not in told
