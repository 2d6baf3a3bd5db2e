"""Tags choose within the caps of .env; what they may not ask for is said with what they may."""

from __future__ import annotations

import pytest

from control_plane.launcher import container_context
from control_plane.run_wishes import RunTagError, RunWishes, partition_name, run_wishes
from control_plane.settings import SettingsError, settings

HERE = settings(
    {
        "ASSAY_RUN_MEMORY": "1g",
        "ASSAY_RUN_MEMORY_MOST": "4g",
        "ASSAY_RUN_CPUS": "1",
        "ASSAY_RUN_CPUS_MOST": "3",
        "ASSAY_RUN_TIMEOUT_MOST": "2h",
        "ASSAY_OUTSIDE_JOBS": "rates other",
    }
)


def test_without_tags_a_run_gets_the_settings() -> None:
    assert run_wishes({"other/tag": "x"}, "a_job", HERE) == RunWishes(2**30, 1.0)


def test_tags_choose_within_the_caps() -> None:
    tags = {"assay/memory": "4g", "assay/cpus": "2.5", "assay/timeout": "90m"}
    tags["assay/network"] = "outside"
    assert run_wishes(tags, "rates", HERE) == RunWishes(4 * 2**30, 2.5, 5400, outside=True)
    less = run_wishes({"assay/memory": "512m", "assay/cpus": "0.5"}, "a_job", HERE)
    assert less == RunWishes(2**29, 0.5)


@pytest.mark.parametrize(
    ("tag", "text", "said"),
    [
        ("assay/memory", "5g", "not between 32m and 4096m. ASSAY_RUN_MEMORY_MOST"),
        ("assay/memory", "1m", "not between 32m and 4096m"),
        ("assay/memory", "lots", "not a size"),
        ("assay/memory", "-1", "not a size"),
        ("assay/cpus", "4", "between 0.01 and 3. ASSAY_RUN_CPUS_MOST"),
        ("assay/cpus", "nan", "not a number between"),
        ("assay/cpus", "inf", "not a number between"),
        ("assay/cpus", "two", "not a number between"),
        ("assay/timeout", "3h", "more than ASSAY_RUN_TIMEOUT_MOST in .env allows (2h)"),
        ("assay/timeout", "0s", "is no time"),
        ("assay/timeout", "soon", "is no time"),
        ("dagster/max_runtime", "7201", "between 0 and 7200. ASSAY_RUN_TIMEOUT_MOST in .env (2h)"),
        # To Dagster each of these is no limit at all.
        *(
            ("dagster/max_runtime", text, "not a number of sec")
            for text in ("0", "soon", "", "nan")
        ),
        ("dagster/max_runtime", "inf", "not a number of seconds between"),
        ("dagster/max_runtime_seconds", "1e9", "not a number of seconds between"),
        ("assay/network", "host", "is no network"),
        ("assay/network", "outside", "a_job is not among them"),
    ],
)
def test_what_a_tag_may_not_ask_for_is_said(tag: str, text: str, said: str) -> None:
    with pytest.raises(RunTagError) as refused:
        run_wishes({tag: text}, "a_job", HERE)
    assert str(refused.value).startswith(f"The run's tag {tag}={text!r}")
    assert said in str(refused.value)


def test_dagsters_own_tag_is_fine_within_the_cap_and_ours_counts_for_more() -> None:
    assert run_wishes({"dagster/max_runtime": "7200"}, "a_job", HERE).timeout is None
    both = {"assay/timeout": "1h", "dagster/max_runtime": "1e9"}
    assert run_wishes(both, "a_job", HERE).timeout == 3600, "the launcher sets Dagster's to it"


def test_the_caps_themselves_are_allowed() -> None:
    least = {"assay/memory": "32m", "assay/cpus": "0.01", "assay/timeout": "1s"}
    assert run_wishes(least, "a_job", HERE) == RunWishes(2**25, 0.01, 1)
    most = {"assay/memory": "4g", "assay/cpus": "3", "assay/timeout": "2h"}
    assert run_wishes(most, "a_job", HERE) == RunWishes(2**32, 3.0, 7200)


def test_a_tag_without_end_is_not_told_in_full() -> None:
    with pytest.raises(RunTagError) as refused:
        run_wishes({"assay/memory": "9" * 10_000}, "a_job", HERE)
    assert len(str(refused.value)) < 300


def test_without_caps_tags_may_ask_for_less_and_not_for_more() -> None:
    here = settings({"ASSAY_RUN_MEMORY": "1g", "ASSAY_RUN_CPUS": "2", "ASSAY_RUN_CPUS_MOST": ""})
    assert run_wishes({"assay/memory": "1g", "assay/cpus": "2"}, "a", here) == RunWishes(2**30, 2)
    for tag, text in (("assay/memory", "1025m"), ("assay/cpus", "2.1")):
        with pytest.raises(RunTagError):
            run_wishes({tag: text}, "a", here)


def test_a_cap_below_what_every_run_gets_is_none() -> None:
    here = settings({"ASSAY_RUN_MEMORY": "3g", "ASSAY_RUN_MEMORY_MOST": "1g"})
    assert here.most_run_memory_bytes() == 3 * 2**30


def test_a_cap_that_makes_no_sense_is_named() -> None:
    with pytest.raises(SettingsError, match="ASSAY_RUN_TIMEOUT_MOST"):
        settings({"ASSAY_RUN_TIMEOUT_MOST": "soon"}).most_run_seconds()


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({}, ""),
        ({"dagster/partition": "2025-01-02"}, "2025-01-02"),
        ({"dagster/partition": "a|b c"}, "a-b-c"),
        ({"dagster/asset_partition_range_start": "2025-01-02"}, ""),
        ({"dagster/asset_partition_range_end": "2025-01-06"}, ""),
        ({"dagster/partition": "x" * 200}, "x" * 60),
        (
            {
                "dagster/asset_partition_range_start": "2025-01-02",
                "dagster/asset_partition_range_end": "2025-01-06",
            },
            "2025-01-02..2025-01-06",
        ),
    ],
)
def test_the_partition_is_a_part_of_the_containers_name(tags: dict[str, str], name: str) -> None:
    assert partition_name(tags) == name


def test_the_container_is_made_of_what_the_tags_chose() -> None:
    context = container_context(HERE, RunWishes(2**29, 2.5, outside=True), "2025-01-02")
    kwargs = context.container_kwargs
    assert (kwargs["mem_limit"], kwargs["memswap_limit"]) == (2**29, 2**29)
    assert kwargs["nano_cpus"] == 2_500_000_000
    assert "POLARS_MAX_THREADS=3" in context.env_vars
    assert kwargs["labels"]["assay.partition"] == "2025-01-02"
    assert kwargs["labels"]["assay.network"] == "outside"
    assert context.networks == ["assay_runs"], "the gate joins the other one, nobody else"
