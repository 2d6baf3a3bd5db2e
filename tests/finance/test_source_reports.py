"""Each source has a report: what stands in it, where it is, and whose it is when two runs meet."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest
from finance_feeds import write_feed
from test_runs import (  # noqa: F401  (landing is a fixture)
    FIRST,
    landing,
    last_metadata,
    run_days,
    run_history,
)

from user_code.finance import anomaly_assets
from user_code.finance.domain.contracts import ANOMALY_DETECTION, ANOMALY_MODEL, HISTORICAL_DATA
from user_code.finance.domain.quarantine_plot import draw_quarantine
from user_code.finance.domain.source_report import SourceRecords, render_source_report

DAYS = [FIRST + timedelta(days=n) for n in range(17)]


def text_of(document: str) -> str:
    """The words of a page, its pictures and tags aside."""
    shown = re.sub("<svg.*?</svg>|<style>.*?</style>|<[^>]*>", " ", document, flags=re.S)
    return " ".join(shown.split())


def read_report(publisher, source: str) -> str:
    return (publisher.base / f"reports/finance/{source}/report.html").read_text()


def test_a_report_has_counts_totals_findings_and_reasons_of_its_source_alone(
    instance,
    publisher,
    landing,  # noqa: F811
):
    for day in DAYS:
        write_feed(landing, "bank", day, ["1.00"] * (20 if day == DAYS[15] else 10))
        write_feed(landing, "shop", day, ["7.00"] * 10)
    # The canary is a record that is rejected, and the repeated file brings duplicates.
    write_feed(landing, "bank", DAYS[16], ["1.00"] * 10 + ["canary"])
    write_feed(landing, "bank", DAYS[16], ["1.00"] * 3, suffix="-again-2025-01-22")
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success
    assert run_history(instance, publisher, least_history=2).success

    document = read_report(publisher, "bank")
    words = text_of(document)
    assert "2025-01-06 to 2025-01-22, 17 days with transactions." in words
    for fact in ("records 184", "accepted 180", "duplicates 3", "quarantined 1"):
        assert fact in words
    assert "currency total transactions EUR 180.0000 180" in words
    assert "1, the newest first:" in words
    assert f"{DAYS[15]} EUR double" in words
    assert "amount: no plain decimal number in the contract" in words
    assert document.count("data:image/png;base64,") == 1
    assert "Records in quarantine, by reason" in document
    # Neither a record nor another source, and nothing that a browser would have to fetch.
    for absent in ("t-0122", "a1", "shop"):
        assert absent not in words
    assert set(re.findall('(?:src|href)="(.{5})', document)) == {"data:"}
    for absent in ("canary", "<script", "<link"):
        assert absent not in document
    shop = text_of(read_report(publisher, "shop"))
    assert "quarantined 0" in shop
    assert "bank" not in shop


def test_texts_of_the_input_are_escaped():
    bad = '<script>alert("x")</script>'
    history = pl.DataFrame(
        [(FIRST, bad, "EUR", Decimal(2), 2)], schema=HISTORICAL_DATA.columns, orient="row"
    )
    model = pl.DataFrame(
        [(FIRST, bad, "EUR", bad, 2.0, 1.0, 0.1, 0.1)], schema=ANOMALY_MODEL.columns, orient="row"
    )
    finding = (FIRST, bad, "EUR", "double", 9.0, 1.0, Decimal(2), 1.0, 2, bad, bad, None)
    findings = pl.DataFrame([finding], schema=ANOMALY_DETECTION.columns, orient="row")
    document = render_source_report(bad, SourceRecords(0, 1, {bad: 1}), history, model, findings)
    assert "<script" not in document
    assert "<script" not in draw_quarantine({bad: 1})
    assert text_of(document).count("&lt;script&gt;") == 5
    # The totals, and the lines of the finding.
    assert document.count("data:image/png;base64,") == 2


def test_the_assets_link_their_reports_and_show_the_quarantine(
    instance,
    publisher,
    landing,  # noqa: F811
    monkeypatch,
):
    write_feed(landing, "bank", DAYS[0], ["1.00", "canary", "x"])
    write_feed(landing, "shop", DAYS[0], ["1.00"])
    write_feed(landing, "shop", DAYS[1], ["1.00"])
    assert run_days(instance, publisher, DAYS[0], DAYS[0]).success
    shown = last_metadata(instance, "financial_transactions")["quarantine"]
    kind, picture = re.fullmatch(r"!\[plot\]\(data:image/(.*);base64,(.*)\)", shown).groups()
    svg = base64.b64decode(picture).decode()
    assert kind == "svg+xml"
    assert "amount: no plain decimal number" in svg
    assert ">2<" in svg
    assert "canary" not in svg
    assert run_days(instance, publisher, DAYS[1], DAYS[1]).success
    assert "quarantine" not in last_metadata(instance, "financial_transactions")

    assert run_history(instance, publisher).success
    places = "- `reports/finance/bank/report.html`\n- `reports/finance/shop/report.html`"
    assert last_metadata(instance, "anomaly_detection")["reports"] == places
    monkeypatch.setenv("ASSAY_REPORTS_URL", "http://assay.example/reports/")
    assert run_history(instance, publisher).success
    assert last_metadata(instance, "anomaly_detection")["reports"] == (
        "- [bank](http://assay.example/reports/finance/bank/report.html)\n"
        "- [shop](http://assay.example/reports/finance/shop/report.html)"
    )


def test_the_next_run_replaces_a_report_and_says_that_nothing_is_left_of_a_source(
    instance,
    publisher,
    landing,  # noqa: F811
):
    write_feed(landing, "bank", DAYS[0], ["1.00", "canary"])
    write_feed(landing, "shop", DAYS[0], ["1.00"])
    for correction, quarantined in (([], 1), (["5.00"], 0)):
        if correction:
            write_feed(landing, "bank", DAYS[0], correction, suffix=".v2")
            write_feed(landing, "shop", DAYS[0], [], suffix=".v2")
        assert run_days(instance, publisher, DAYS[0], DAYS[0]).success
        assert run_history(instance, publisher).success
        words = text_of(read_report(publisher, "bank"))
        assert "accepted 1 rows of financial_transactions" in words
        assert f"quarantined {quarantined} " in words
    assert "EUR 5.0000 1" in words
    gone = text_of(read_report(publisher, "shop"))
    assert "No day of it has a transaction." in gone
    assert "records 0" in gone
    names = [path.name for path in (publisher.base / "reports").rglob("*") if path.is_file()]
    assert names == ["report.html"] * 2


def test_a_run_that_began_earlier_does_not_replace_the_report_of_a_newer_one(
    instance,
    publisher,
    landing,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    write_feed(landing, "bank", DAYS[0], ["1.00"])
    assert run_days(instance, publisher, DAYS[0], DAYS[0]).success
    stage = anomaly_assets.stage_reports

    def overtaken(*arguments):
        staged = stage(*arguments)
        monkeypatch.setattr(anomaly_assets, "stage_reports", stage)
        write_feed(landing, "bank", DAYS[1], ["1.00"])
        assert run_days(instance, publisher, DAYS[1], DAYS[1]).success
        assert run_history(instance, publisher).success
        return staged

    monkeypatch.setattr(anomaly_assets, "stage_reports", overtaken)
    assert not run_history(instance, publisher).success
    assert "2 days with transactions" in text_of(read_report(publisher, "bank"))
    folder = publisher.base / "reports/finance/bank"
    assert [path.name for path in folder.iterdir()] == ["report.html"]
