"""The documents name only what exists: links, make targets, paths, variables."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "samples" / "README.md",
        *ROOT.glob("docs/**/*.md"),
    ]
)


def text(document: str) -> str:
    return (ROOT / document).read_text()


def prose(document: str) -> str:
    return re.sub(r"^```.*?^```", "", text(document), flags=re.M | re.S)


def heading_anchor(heading: str) -> str:
    """As the usual renderers make it: lower case, spaces to hyphens, punctuation dropped."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files_and_headings_that_exist(document: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        if not file.exists():
            broken.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.M)
            if anchor not in map(heading_anchor, headings):
                broken.append(target)

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document: str) -> None:
    makefile = text("Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.M))
    code = re.findall(r"`([^`\n]+)`", prose(document))
    code += [line for block in fenced(document) for line in block.splitlines()]
    named = {
        word
        for piece in code
        for words in re.findall(r"(?:^|[\s=])make((?: +[a-z][a-z-]*)+)", piece)
        for word in words.split()
    }

    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_of_the_repository_exist(document: str) -> None:
    """A word in backquotes that begins with one of our folders is a path that must be there."""
    folders = "user_code|control_plane|deploy|samples|tests|benchmarks|docs|requirements"
    named = re.findall(rf"`((?:{folders})/[^`\s]*)`", prose(document))
    missing = [name for name in named if "<" not in name and not list(ROOT.glob(name.rstrip("/")))]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_scripts_and_files_that_commands_name_exist(document: str) -> None:
    commands = "\n".join(fenced(document))
    named = re.findall(r"(?<![\w./<-])((?:deploy|tests|docs)/[\w./-]+)", commands)

    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_environment_variables_are_ones_that_env_example_explains(document: str) -> None:
    explained = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text(".env.example"), flags=re.M))
    # Which environment file make itself works on cannot stand in that file.
    explained.add("ASSAY_ENV_FILE")
    named = set(
        re.findall(r"\b(ASSAY_[A-Z_]+|PYTHON_IMAGE|POSTGRES_IMAGE|CADDY_IMAGE)\b", text(document))
    )

    assert named - explained == set()


def test_the_architecture_names_every_asset_and_job() -> None:
    loaded = re.findall(r"^(?:asset|job) (\w+)$", text("tests/loaded.txt"), flags=re.M)
    page = text("docs/architecture.md")

    assert [name for name in loaded if f"`{name}`" not in page] == []


def test_the_architecture_describes_every_service() -> None:
    services = set(yaml.safe_load(text("docker-compose.yml"))["services"])
    described = set(re.findall(r"^\| `(\w+)` \|", text("docs/architecture.md"), re.M))

    assert services - described == set()


def test_operations_explains_every_kind_of_alert() -> None:
    sources = [*ROOT.glob("user_code/**/*.py"), *ROOT.glob("control_plane/**/*.py")]
    raised = {
        kind
        for source in sources
        for kind in re.findall(r"\bkind=\"([a-z_]+\.[a-z_.]+)\"", source.read_text())
    }
    explained = set(re.findall(r"^\| `([a-z_]+\.[a-z_.]+)` \|", text("docs/operations.md"), re.M))

    assert raised
    assert raised - explained == set()


def test_every_decision_is_listed() -> None:
    listed = set(re.findall(r"\]\((\d{4}-[^)]+)\)", text("docs/decisions/README.md")))

    assert listed == {path.name for path in (ROOT / "docs/decisions").glob("0*.md")}


def test_no_tracked_file_names_a_package_registry_or_this_machine() -> None:
    """Mirrors come from the machine's own configuration, so the repository names none."""
    top_folders = "|".join(("work", "farm"))
    patterns = {
        "a package registry": r"--(extra-)?index-url|https?://(files|deb|registry|static)\.[a-z]+"
        r"|https?://(www\.)?pypi\.",
        "a path of one machine": rf"(^|[^a-zA-Z0-9_.])/({top_folders})/|/home/[a-z]+/",
    }
    found = []
    for what, pattern in patterns.items():
        search = subprocess.run(
            ["git", "grep", "-nIE", "-e", pattern, "--", ".", ":!tests/docs/test_documents.py"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if search.returncode == 128:
            pytest.skip(f"git cannot search here: {search.stderr.strip()}")
        assert search.returncode in (0, 1), search.stderr
        found += [f"{what}: {line}" for line in search.stdout.splitlines()]

    assert found == []


def fenced(document: str) -> list[str]:
    """The contents of all fenced blocks."""
    return re.findall(r"^```[a-z]*\n(.*?)^```", text(document), flags=re.M | re.S)
