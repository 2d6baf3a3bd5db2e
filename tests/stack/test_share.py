"""From one person's Assay to the team's: the README's two commands, and what others then reach."""

import json
import re
import socket
from pathlib import Path

import pytest
from assay_stack import AssayStack
from docker_engine import bridge_gateway
from lone_gateway import NAME, LoneGateway, basic
from waiting import wait_for

JSON = {"Content_Type": "application/json"}


@pytest.mark.usefixtures("samples_done")
def test_two_commands_share_it_with_an_admin_and_a_viewer(assay: AssayStack) -> None:
    shared = assay.script("make", "share", f"NAME={NAME}", seconds=900)
    made = assay.script("make", "user", "NAME=vic", "ROLE=viewer")

    url = f"https://{NAME}:{assay.port}"
    assert f"Assay is up: {url}" in shared
    (named,) = re.findall(r"give them (\S+)", shared)
    certificate = Path(assay.tree, named).read_text()
    Path(assay.tree, named).unlink()  # the tests' folder of tools is the repository's own
    gateway = LoneGateway(
        str(assay.service("gateway")["Id"]), assay.port, Path(), tls=True, authority=certificate
    )
    viewer = re.search(r"password +(\S+)", made)
    assert viewer, made
    logins = {
        "admin": basic(assay.api.name, assay.api.password),
        "viewer": basic("vic", viewer[1]),
    }

    def ask(who: str, document: str) -> tuple[int, str]:
        answer = gateway.ask(
            "POST",
            "/graphql",
            None,
            json.dumps({"query": document}),
            Authorization=logins[who],
            Origin=url,
            **JSON,
        )
        return answer.status, answer.text

    for who in logins:
        wait_for(f"the {who}'s login", lambda who=who: ask(who, "{ version }")[0] == 200, 120)
    # The admin's login is the one that the first start has shown.
    assert ask("admin", "mutation { setNuxSeen }")[0] == 200
    status, said = ask("viewer", "mutation { setNuxSeen }")
    assert (status, "change nothing" in said) == (400, True)
    wrong = gateway.ask("GET", "/", None, Authorization=basic("vic", "guessed"))
    assert (wrong.status, gateway.ask("GET", "/", None).status) == (401, 401)
    # From another machine, too: by an address that is not the loopback.
    socket.create_connection((bridge_gateway(), assay.port), 10).close()
    # Alerts' links lead there.
    told = assay.service("alerter")["Config"]["Env"]
    assert f"ASSAY_UI_URL={url}" in told
