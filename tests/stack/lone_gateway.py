"""The gateway alone, with its real configuration, before upstreams that tell what reaches them."""

import http.client
import json
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
from docker_engine import docker
from gateway_upstreams import PORTS, SSO_PORT
from waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
# What gateways with TLS are called.
NAME = "assay.example"
CADDY_STATE = "/assay/gateway_state/caddy"
PASSWORD = "a password of the tests"
ROLES = {"anna": "admin", "vera": "viewer"}
HARDENED = (
    *("--user", "10001:10001", "--read-only", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"),
    *("--security-opt", "no-new-privileges:true", "--init", "--tmpfs", "/tmp"),
    *("--tmpfs", "/assay/gateway_logs:mode=1777", "--tmpfs", "/assay/gateway_state:mode=1777"),
)


def users_file(folder: Path, roles: dict[str, str]) -> Path:
    """A file of logins, all with the same password."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    file = folder / "users"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    file.write_text("".join(f"{name} {role} {hashed}\n" for name, role in roles.items()))
    file.chmod(0o644)
    return file


def basic(name: str, password: str = PASSWORD) -> str:
    """The value of an Authorization header."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def seen(self) -> dict[str, Any]:
        """What the upstream says that it saw."""
        seen: dict[str, Any] = json.loads(self.text)
        return seen


@dataclass(frozen=True)
class LoneGateway:
    """A running gateway; `port` is on the loopback address.

    `authority`: the certificate that vouches for its own, as PEM; empty: that of Caddy's own.
    """

    container: str
    port: int
    folder: Path
    tls: bool = False
    authority: str = ""

    @property
    def host(self) -> str:
        """As a browser names it."""
        return f"{NAME if self.tls else '127.0.0.1'}:{self.port}"

    def ask(
        self, method: str, path: str, login: str | None = "anna", body: str = "", **headers: str
    ) -> Answer:
        """One request. `headers` with _ for -; Host is ours unless given."""
        if self.tls:
            trusting = ssl.create_default_context(
                cadata=self.authority or root_certificate(self.container)
            )
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                NAME, self.port, timeout=30, context=trusting
            )
            # As if the name led here.
            plain = socket.create_connection(("127.0.0.1", self.port), 30)
            connection.sock = trusting.wrap_socket(plain, server_hostname=NAME)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if login:
            given.setdefault("Authorization", basic(login))
        given.setdefault("Host", self.host)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        if body or method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        text = "" if answer.status == 101 else answer.read().decode()
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return Answer(answer.status, found, text)

    def log(self) -> str:
        """The log of what was asked for."""
        return docker("exec", self.container, "cat", "/assay/gateway_logs/access.log")


def root_certificate(container: str) -> str:
    """Of the authority that a Caddy with our folders has made, as PEM."""
    return docker("exec", container, "cat", f"{CADDY_STATE}/pki/authorities/local/root.crt")


class Playground:
    """A network with upstreams on it, on which gateways can be started."""

    def __init__(self, project: str, images: dict[str, str], folder: Path) -> None:
        self.project, self.images, self.folder = project, images, folder
        self.network = f"{project}_gateways"

    def command(
        self, name: str, roles: dict[str, str], tls: Path | None = None, **environment: str
    ) -> list[str]:
        """The words for docker by which a gateway starts. `tls`: what ASSAY_TLS_DIR names."""
        logins = users_file(self.folder / name, roles).parent
        given = {
            **{f"GATEWAY_{one.upper()}": f"upstreams:{port}" for one, port in PORTS.items()},
            "XDG_CONFIG_HOME": "/tmp/config",
            "XDG_DATA_HOME": "/assay/gateway_state",
            "ASSAY_UI_ADDRESS": "127.0.0.1",
            **environment,
        }
        return [
            *("run", "--name", f"{self.project}-{name}", "--network", self.network),
            *("--network-alias", NAME),
            *(*HARDENED, "--label", f"assay.project={self.project}"),
            *("--publish", f"127.0.0.1::{environment.get('GATEWAY_PORT', '3000')}"),
            *("--volume", f"{REPOSITORY}/deploy/gateway:/assay/gateway:ro"),
            *("--volume", f"{logins}:/assay/logins:ro"),
            *(("--volume", f"{tls}:/assay/tls:ro") if tls else ()),
            *(word for item in given.items() for word in ("--env", "=".join(item))),
            *(self.images["CADDY_IMAGE"], "sh", "/assay/gateway/start.sh"),
        ]

    @contextmanager
    def gateway(
        self,
        name: str,
        roles: dict[str, str] | None = None,
        tls: Path | None = None,
        authority: str = "",
        **environment: str,
    ) -> Iterator[LoneGateway]:
        """A gateway that answers; it is gone afterwards."""
        words = self.command(name, ROLES if roles is None else roles, tls, **environment)
        container = docker(words[0], "--detach", *words[1:])
        try:
            probe = ("exec", container, "wget", "-q", "-O", "-", "http://127.0.0.1:3002/")
            wait_for("the gateway", lambda: docker(*probe), seconds=60)
            port = int(docker("port", container).splitlines()[0].rsplit(":", 1)[1])
            encrypted = environment.get("ASSAY_TLS", "") not in ("", "off")
            yield LoneGateway(container, port, self.folder / name, encrypted, authority)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{docker('logs', '--tail', '20', container)}") from error
        finally:
            docker("rm", "--force", container)

    def refusal(self, name: str, roles: dict[str, str], **environment: str) -> str:
        """What a gateway says that does not start; AssertionError if it starts."""
        words = ["docker", *self.command(name, roles, **environment)]
        try:
            done = subprocess.run(
                [*words[:2], "--rm", *words[2:]],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            docker("rm", "--force", f"{self.project}-{name}")
            raise AssertionError("it has started") from None
        assert done.returncode == 1, done.stderr
        return done.stderr

    @contextmanager
    def running(self) -> Iterator["Playground"]:
        """With its network and upstreams; nothing stays."""
        docker("network", "create", self.network)
        try:
            script = REPOSITORY / "tests/stack/gateway_upstreams.py"
            docker(
                *("run", "--detach", "--name", f"{self.project}-upstreams", "--init"),
                *("--network", self.network, "--network-alias", "upstreams"),
                *("--volume", f"{script}:/upstreams.py:ro", "--read-only"),
                *(self.images["PYTHON_IMAGE"], "python", "/upstreams.py"),
            )
            yield self
        finally:
            docker("rm", "--force", f"{self.project}-upstreams")
            docker("network", "rm", self.network)


SSO = {
    "ASSAY_SSO_URL": f"http://upstreams:{SSO_PORT}",
    "ASSAY_SSO_PATH": "/oauth2/auth",
    "ASSAY_SSO_PAGES": "/oauth2/*",
    "ASSAY_SSO_USER_HEADER": "X-Auth-Request-User",
    "ASSAY_SSO_ROLE_HEADER": "X-Auth-Request-Groups",
    "ASSAY_SSO_ADMIN": "assay-admin",
    "ASSAY_SSO_VIEWER": "assay-viewer",
}
