"""The harness itself, as far as it needs no container."""

import gzip
import io
import json
import tarfile
import urllib.request
from pathlib import Path

import pytest
from assay_stack import copy_of
from everything_told import BLOCK, blocks_of
from waiting import wait_for
from webhook import Webhook

REPOSITORY = Path(__file__).parents[2]


def test_waiting_returns_what_it_waited_for_and_outlives_errors() -> None:
    answers = iter([0, ZeroDivisionError("not yet"), "here"])

    def probe() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait_for("it", probe, seconds=5, every=0.01) == "here"


def test_waiting_in_vain_says_for_what_and_what_was_seen() -> None:
    with pytest.raises(AssertionError, match=r"0\.05 s for a miracle; last seen: \[\]"):
        wait_for("a miracle", list, seconds=0.05, every=0.01)


def test_the_webhook_keeps_what_was_posted() -> None:
    with Webhook() as webhook:
        request = urllib.request.Request(
            f"http://127.0.0.1:{webhook.port}/alerts",
            data=json.dumps({"title": "Run failed", "message": "finance"}).encode(),
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200
        assert webhook.mentioning("failed", "FINANCE") == [
            {"title": "Run failed", "message": "finance"}
        ]
        assert webhook.mentioning("genomics") == []


def test_a_copy_holds_the_sources_and_no_local_state(tmp_path: Path) -> None:
    copy = copy_of(REPOSITORY, tmp_path / "tree")
    assert (copy / "Makefile").read_text() == (REPOSITORY / "Makefile").read_text()
    assert (copy / "samples/landing.py").is_file()
    assert (copy / ".env.example").is_file()
    for local in (".git", ".venv", ".env", "landing", "user_code/__pycache__"):
        assert not (copy / local).exists(), local


def test_an_images_layers_are_searched_unpacked_and_across_blocks() -> None:
    """As the engine saves them: a tar of tars, which newer engines keep in gzip."""
    plain = b"-" * (BLOCK - 3) + b"canary" + b"-" * 99
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in (("plain", plain), ("packed", gzip.compress(plain)), ("tiny", b"x")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    archive.seek(0)
    found = list(blocks_of(archive))
    assert {name for name, _ in found} == {"plain", "packed", "tiny"}
    assert [name for name, block in found if b"canary" in block] == ["plain", "packed"]
