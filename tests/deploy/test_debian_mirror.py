"""deploy/base_images/apt.sh: which site of apt's is a Debian mirror, and lists of our own."""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def shell(commands: str, tools: Path, **environment: str) -> str:
    """What `commands` print, after apt.sh was sourced."""
    done = subprocess.run(
        ["bash", "-c", f"source deploy/say.sh; source deploy/base_images/apt.sh; {commands}"],
        cwd=REPOSITORY,
        env={**os.environ, "tools": str(tools), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("sites", "mirror"),
    [
        (["https://a.example/linux/debian trixie Docker", "http://b.example trixie Debian"], "b"),
        (["http://b.example/repository/trixie-proxy/ trixie Debian"], "b"),
        (["mirror+file:///etc/apt/list trixie Debian", "http://b.example trixie Debian"], "b"),
        (["http://a.example/debian trixie-updates Debian"], ""),
        (["http://a.example/debian trixie Debian Backports"], ""),
        (["http://a.example/debian trixie "], ""),
        ([], ""),
    ],
)
def test_a_mirror_is_known_by_what_it_holds(tmp_path: Path, sites: list[str], mirror: str) -> None:
    found = shell("site_of trixie <<<$sites", tmp_path, sites="\n".join(sites))
    assert found.startswith(f"http://{mirror}.example") if mirror else found == ""


def test_lists_that_lack_are_got_into_our_own_folder(tmp_path: Path) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/log\n')
    apt.chmod(0o755)
    path = f"{apt.parent}:{os.environ['PATH']}"
    shell("own_lists; own_lists; sites", tmp_path / "tools", PATH=path)
    update, sites = (tmp_path / "log").read_text().splitlines()
    for call, word in ((update, " update "), (sites, " indextargets ")):
        assert f"Dir::State::Lists={tmp_path}/tools/apt/lists" in call
        assert f"Dir::Cache={tmp_path}/tools/apt/cache" in call
        assert word in call
