"""The gateway's three ways to a certificate, each with a client that checks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker_engine import docker
from lone_gateway import CADDY_STATE, HARDENED, NAME, Playground, root_certificate
from waiting import wait_for

JSON = {"Content_Type": "application/json"}
SHARED = {"ASSAY_UI_ADDRESS": "0.0.0.0", "ASSAY_UI_URL": f"https://{NAME}:3000"}
AUTHORITY = "acme.example"
# Caddy itself: an authority that gives certificates by ACME to whoever proves a name.
ACME_SERVER = f"""
{{
    skip_install_trust
    admin off
}}
https://{AUTHORITY} {{
    tls internal
    acme_server
}}
"""


def test_tls_by_its_own_authority(playground: Playground) -> None:
    with playground.gateway("internal", ASSAY_TLS="internal", **SHARED) as gateway:
        answer = gateway.ask("GET", "/")
        assert answer.seen["server"] == "webserver"
        assert gateway.ask("GET", "/", None).status == 401
        assert gateway.ask("GET", "/", Host="evil.example").status == 421
        own = {"Origin": f"https://{gateway.host}", **JSON}
        assert gateway.ask("POST", "/graphql", body="{}", **own).status == 200
        plain = {"Origin": f"http://{gateway.host}", **JSON}
        assert gateway.ask("POST", "/graphql", body="{}", **plain).status == 403


def test_tls_by_files_of_the_teams_own(playground: Playground, tmp_path: Path) -> None:
    # Somebody's authority: that of another gateway, which then is gone.
    with playground.gateway("authority", ASSAY_TLS="internal", **SHARED) as other:
        wait_for("its certificate", lambda: other.ask("GET", "/").status == 200, seconds=60)
        root = root_certificate(other.container)
        for kind, name in (("crt", "cert.pem"), ("key", "key.pem")):
            made = f"{CADDY_STATE}/certificates/local/{NAME}/{NAME}.{kind}"
            (tmp_path / name).write_text(docker("exec", other.container, "cat", made) + "\n")
            (tmp_path / name).chmod(0o644)
    open_for_the_gateway(tmp_path)
    with playground.gateway(
        "files", tls=tmp_path, authority=root, ASSAY_TLS="files", **SHARED
    ) as gateway:
        answer = gateway.ask("GET", "/")
        assert answer.seen["server"] == "webserver"
        assert "max-age" in answer.headers["strict-transport-security"]
        assert gateway.ask("POST", "/graphql", "vera", "{}", **JSON).seen["server"] == "viewer"
        assert gateway.ask("GET", "/", None).status == 401
        # It made none of its own.
        assert docker("exec", gateway.container, "find", CADDY_STATE, "-name", f"{NAME}*") == ""


def test_tls_by_acme(playground: Playground, tmp_path: Path) -> None:
    with acme_server(playground) as authority:
        root = wait_for("the authority", lambda: root_certificate(authority), seconds=60)
        (tmp_path / "acme-root.pem").write_text(root + "\n")
        (tmp_path / "acme-root.pem").chmod(0o644)
        open_for_the_gateway(tmp_path)
        environment = {
            **SHARED,
            "ASSAY_TLS": "acme",
            # What is published at 443: where the authority looks for the proof.
            "GATEWAY_PORT": "443",
            "ASSAY_UI_URL": f"https://{NAME}",
            "ASSAY_ACME_EMAIL": "somebody@assay.example",
            "ASSAY_ACME_DIRECTORY": f"https://{AUTHORITY}/acme/local/directory",
        }
        with playground.gateway("acme", tls=tmp_path, authority=root, **environment) as gateway:
            answer = wait_for(
                "a certificate", lambda: gateway.ask("GET", "/"), seconds=120, every=2
            )
            assert answer.seen["server"] == "webserver"
            assert gateway.ask("GET", "/", None).status == 401
            issued = docker("exec", gateway.container, "ls", f"{CADDY_STATE}/certificates")
            assert issued == f"{AUTHORITY}-acme-local-directory"


@contextmanager
def acme_server(playground: Playground) -> Iterator[str]:
    """A running authority, known as AUTHORITY in the gateways' network; its container."""
    file = playground.folder / "acme_server.caddyfile"
    file.write_text(ACME_SERVER)
    file.chmod(0o644)
    container = docker(
        *("run", "--detach", "--name", f"{playground.project}-acme-server"),
        *("--network", playground.network, "--network-alias", AUTHORITY, *HARDENED),
        *("--env", "XDG_DATA_HOME=/assay/gateway_state", "--env", "XDG_CONFIG_HOME=/tmp"),
        *("--volume", f"{file}:/Caddyfile:ro", playground.images["CADDY_IMAGE"]),
        *("caddy", "run", "--config", "/Caddyfile", "--adapter", "caddyfile"),
    )
    try:
        yield container
    except AssertionError as error:
        raise AssertionError(f"{error}\n{docker('logs', '--tail', '20', container)}") from error
    finally:
        docker("rm", "--force", container)


def open_for_the_gateway(folder: Path) -> None:
    """The gateway's user passes through to it."""
    for one in (folder, *folder.parents[:3]):
        one.chmod(one.stat().st_mode | 0o055)
