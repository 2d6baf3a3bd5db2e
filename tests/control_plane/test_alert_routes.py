"""Which channel an alert goes to, and that a wrong file loses none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from control_plane.alert_channels import channels
from control_plane.alert_pace import Due, Pace, send_now
from control_plane.alert_routes import RoutesError, destinations, read_routes
from control_plane.alert_text import Transition, message

CHANNELS = channels(["finance,all=json://f", "night=json://n", "# a comment", "", "json://rest"])


def alert(**other: object) -> Transition:
    values: dict[str, object] = {
        "id": 1,
        "key": "run.failed:daily:",
        "transition": "opened",
        "at": datetime(2026, 1, 31, tzinfo=UTC),
        "kind": "run.failed",
        "severity": "error",
        "domain": "finance",
        "subject": "daily failed",
        "facts": {},
        "link": "",
        "first_seen": datetime(2026, 1, 31, tzinfo=UTC),
        **other,
    }
    return Transition(**values)  # type: ignore[arg-type]


def urls(text: str, folder: Path, **other: object) -> list[str]:
    file = folder / "routes.yaml"
    file.write_text(text)
    routes = read_routes(file, CHANNELS)
    return [channel.url for channel in destinations(alert(**other), routes, CHANNELS)]


def test_tags_stand_before_the_url_and_comments_count_for_nothing() -> None:
    assert [(channel.url, channel.tags) for channel in CHANNELS] == [
        ("json://f", ("finance", "all")),
        ("json://n", ("night",)),
        ("json://rest", ()),
    ]


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        ("domain: finance", True),
        ("domain: [genomics, platform]", False),
        ("severity: [error, critical]", True),
        ("severity: warning", False),
        ("kind: 'run.*'", True),
        ("kind: 'check.*'", False),
        ("asset: 'historical_*'", True),
        ("asset: other", False),
        ("owner: 'team:finance'", True),
        ("owner: 'team:genomics'", False),
        ("{domain: finance, severity: warning}", False),
    ],
)
def test_a_route_fits_by_all_its_conditions(route: str, fits: bool, tmp_path: Path) -> None:
    body = route.strip("{}")
    facts = {"asset": "historical_data", "owners": ["team:finance"]}
    found = urls(f"routes: [{{{body}, to: night}}]", tmp_path, facts=facts)
    # What no route fits goes to all.
    assert found == (["json://n"] if fits else ["json://f", "json://n", "json://rest"])


def test_routes_add_up_and_an_empty_one_silences(tmp_path: Path) -> None:
    both = "routes: [{domain: finance, to: [finance]}, {severity: error, to: [night]}]"
    assert urls(both, tmp_path) == ["json://f", "json://n"]
    assert urls("routes: [{kind: run.failed, to: []}]", tmp_path) == []


def test_no_file_is_no_route(tmp_path: Path) -> None:
    assert read_routes(tmp_path / "routes.yaml", CHANNELS) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("routes: [{to: [nobody]}]", "routes.0.to: no channel has the tag 'nobody'"),
        ("routes: [{severity: loud, to: []}]", "routes.0.severity.0"),
        ("routes: [{domain: finance}]", "routes.0.to: Field required"),
        ("routes: [{team: finance, to: []}]", "routes.0.team"),
        ("routes: [", "is no YAML"),
        ("- 1", "routes.yaml"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RoutesError, match=r"routes\.yaml") as error:
        urls(text, tmp_path)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("due", "sent"),
    [
        ([], []),
        ([(5, 0, False)], []),  # others may come with it
        ([(21, 0, False)], [0]),
        ([(1, 0, True)], [0]),  # critical: at once
        ([(21, 0, False), (1, 0, True)], [1]),
        ([(40, 0, False)] + [(2, 0, False)] * 9, []),  # a storm that still grows
        ([(60, 0, False)] + [(26, 0, False)] * 9, list(range(10))),
        ([(181, 0, False)] + [(2, 0, False)] * 9, list(range(10))),
        ([(21, 0, False), (900, 3, False)], [0]),  # the refused one after the new one
    ],
)
def test_alone_at_once_or_in_a_digest(due: list[tuple[float, int, bool]], sent: list[int]) -> None:
    assert send_now([Due(*one) for one in due], Pace()) == sent


def test_a_digest_lists_all_two_hundred_and_has_each_ones_fields() -> None:
    many = [alert(id=number, key=f"k{number:03}") for number in range(200)]
    text = message(many, "assay", "http://ui")
    assert text.title == "[assay] 200 alerts opened, 0 resolved"
    assert all(f"[k{number:03}]" in text.body for number in range(200))
    assert text.fields["alerts"].count('"delivery"') == 200
