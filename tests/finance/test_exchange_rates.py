"""Rates by HTTP from a server that fails in every way, and what is made of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import polars as pl
import pytest
from finance_feeds import HEADER, write_text
from hypothesis import given, settings
from hypothesis import strategies as st
from test_runs import last_metadata

from user_code.finance.assets import financial_transactions
from user_code.finance.domain.base_amounts import (
    RatesRefused,
    add_base_amounts,
    improved_dates,
    merge_rates,
    parse_rates,
)
from user_code.finance.domain.contracts import FINANCIAL_TRANSACTIONS, MONEY
from user_code.finance.rates import exchange_rates, rates_schedules
from user_code.finance.rates_download import LastingFault, PassingFault, download

MONDAY = date(2025, 1, 6)


def ecb(*days: tuple[str, dict[str, str]]) -> bytes:
    """A file in the form of the European Central Bank's."""
    cubes = "".join(
        f'<Cube time="{day}">'
        + "".join(f'<Cube currency="{code}" rate="{rate}"/>' for code, rate in rates.items())
        + "</Cube>"
        for day, rates in days
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope '
        'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
        'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
        f"<gesmes:subject>Reference rates</gesmes:subject><Cube>{cubes}</Cube></gesmes:Envelope>"
    ).encode()


GOOD = ecb(("2025-01-03", {"USD": "1.0299", "JPY": "161.83"}), ("2025-01-02", {"USD": "1.0321"}))


@contextmanager
def server(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A web server that gives these answers in turn, the last one for ever; yields its address."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answers[min(len(asked), len(answers)) - 1](self)

        def log_message(self, *_: object) -> None:
            pass

    here = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=here.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{here.server_port}/rates.xml?key=secret", asked
    finally:
        here.shutdown()
        here.server_close()


def status(code: int, body: bytes = b"", **headers: str) -> Callable:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def silent(_: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)


def slow(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" " * 70_000)
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "fault", "words"),
    [
        (status(500), PassingFault, "answers 500"),
        (status(429), PassingFault, "answers 429"),
        (status(404), LastingFault, "answers 404"),
        (status(403), LastingFault, "answers 403"),
        (status(302, Location="http://127.0.0.2/elsewhere"), LastingFault, "redirect"),
        (status(200, b"x" * 5_000_000), LastingFault, "more than 2,000,000 bytes"),
        (status(200, b"short", Content_Length="5000"), PassingFault, "ChunkedEncodingError"),
        (silent, PassingFault, "ReadTimeout"),
        (slow, PassingFault, "took more than 0.3 s"),
    ],
)
def test_faults_that_pass_and_faults_that_last(answer, fault, words):
    with server(answer) as (url, asked), pytest.raises(fault, match=words) as told:
        download(url, read_seconds=0.3, total_seconds=0.3, largest_bytes=2_000_000)
    assert "secret" not in str(told.value)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://127.0.0.1:1/", PassingFault),
        ("no-address", LastingFault),
        ("ftp://127.0.0.1/", LastingFault),
    ],
)
def test_addresses_without_a_server(url, fault):
    with pytest.raises(fault):
        download(url, connect_seconds=1)


def test_the_form_of_the_european_central_bank():
    assert parse_rates(GOOD).rows() == [
        (date(2025, 1, 2), "USD", Decimal("1.0321")),
        (date(2025, 1, 3), "JPY", Decimal("161.83")),
        (date(2025, 1, 3), "USD", Decimal("1.0299")),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not well-formed XML"),
        (GOOD[:-30], "not well-formed XML"),
        (b"<html><body>Sorry</body></html>", "it has no rates"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "a document type is declared"),
        (ecb(("03.01.2025", {"USD": "1"})), "is no date"),
        (ecb(("2025-01-03", {"USD": "N/A"})), "a rate above zero"),
        (ecb(("2025-01-03", {"USD": "0"})), "a rate above zero"),
        (ecb(("2025-01-03", {"USD": "1"}), ("2025-01-03", {"USD": "2"})), "two rates"),
    ],
)
def test_another_form_is_refused_with_the_reason(content, words):
    with pytest.raises(RatesRefused, match=words):
        parse_rates(content)


def rows(*each: tuple[date, str, str]) -> pl.DataFrame:
    """Transactions of date, amount, currency."""
    known = pl.DataFrame(
        [(day, Decimal(amount), currency) for day, amount, currency in each],
        schema={"date": pl.Date, "amount": MONEY, "currency": pl.String},
        orient="row",
    )
    return pl.concat([FINANCIAL_TRANSACTIONS.empty(), known], how="diagonal")


def test_the_last_rate_of_seven_days_counts_and_a_missing_one_is_seen():
    rates = parse_rates(GOOD)
    found = add_base_amounts(
        rows(
            (MONDAY, "10.00", "USD"),
            (date(2025, 1, 10), "10.00", "USD"),
            (date(2025, 1, 11), "10.00", "USD"),
            (date(2025, 1, 1), "10.00", "USD"),
            (MONDAY, "10.00", "EUR"),
            (MONDAY, "10.00", "CHF"),
        ),
        rates,
        "EUR",
    )
    assert found.select("amount_base", "rate_date").rows() == [
        (Decimal("9.71"), date(2025, 1, 3)),
        (Decimal("9.71"), date(2025, 1, 3)),
        (None, None),
        (None, None),
        (Decimal("10.00"), MONDAY),
        (None, None),
    ]


def test_rounding_is_half_even_in_the_digits_of_the_base():
    rates = parse_rates(ecb(("2025-01-06", {"USD": "2", "JPY": "100"})))
    amounts = rows(*((MONDAY, text, "USD") for text in ("0.01", "0.03", "0.05", "-0.01")))
    found = add_base_amounts(amounts, rates, "EUR")["amount_base"].to_list()
    assert found == [Decimal("0.00"), Decimal("0.02"), Decimal("0.02"), Decimal("0.00")]
    in_yen = add_base_amounts(rows((MONDAY, "1.01", "USD")), rates, "JPY")["amount_base"]
    assert in_yen.to_list() == [Decimal(50)]


@given(
    st.decimals("-1e12", "1e12", places=2),
    st.decimals("0.0001", "50000", places=4),
    st.decimals("0.0001", "50000", places=4),
)
@settings(max_examples=60, deadline=None)
def test_each_amount_is_that_of_exact_fractions(amount, rate, base_rate):
    rates = parse_rates(ecb(("2025-01-06", {"USD": f"{rate:f}", "GBP": f"{base_rate:f}"})))
    (found,) = add_base_amounts(rows((MONDAY, f"{amount:f}", "USD")), rates, "GBP")["amount_base"]
    exact = Fraction(amount) * Fraction(base_rate) / Fraction(rate)
    assert found == Decimal(round(exact * 100)).scaleb(-2)


def test_a_later_rate_asks_for_the_days_that_it_betters():
    before = parse_rates(ecb(("2025-01-02", {"USD": "1.0321"})))
    lazy = pl.LazyFrame(
        {
            "file_date": [MONDAY, date(2025, 1, 7), date(2025, 1, 2)],
            "date": [MONDAY, date(2025, 1, 7), date(2025, 1, 2)],
            "currency": ["USD", "EUR", "USD"],
            "rate_date": [date(2025, 1, 2), date(2025, 1, 7), date(2025, 1, 2)],
        }
    )
    assert improved_dates(lazy, before, "EUR").is_empty()
    after = merge_rates(before, parse_rates(GOOD))
    assert improved_dates(lazy, after, "EUR")["file_date"].to_list() == [MONDAY]


def run(instance: dg.DagsterInstance, publisher: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [exchange_rates],
        instance=instance,
        resources={"publisher": publisher},
        raise_on_error=False,
    )


def test_a_run_waits_out_what_passes_and_has_days_recomputed(
    instance, publisher, warehouse, tmp_path, monkeypatch
):
    monkeypatch.setenv("ASSAY_LANDING", str(tmp_path))
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", "0")
    write_text(tmp_path, "bank", f"tx-{MONDAY}.csv", f"{HEADER}\n1,{MONDAY},a,c,10.00,USD\n")
    day = dg.build_asset_context(partition_key=str(MONDAY))
    financial_transactions(day, publisher=publisher)

    def query(text: str) -> list[tuple]:
        with warehouse.transaction() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    base = "SELECT amount_base, rate_date FROM finance.financial_transactions"
    assert query(base) == [(None, None)]
    with server(status(503), status(200, GOOD)) as (url, asked):
        monkeypatch.setenv("ASSAY_RATES_URL", url)
        assert run(instance, publisher).success
    assert len(asked) == 2
    assert {"peak_memory_mb", "cpu_s"} <= set(last_metadata(instance, "exchange_rates"))
    assert query("SELECT count(*) FROM finance.exchange_rates") == [(3,)]
    assert query("SELECT day FROM finance.days_to_recompute") == [(MONDAY,)]
    financial_transactions(dg.build_asset_context(partition_key=str(MONDAY)), publisher=publisher)
    assert query(base) == [(Decimal("9.71"), date(2025, 1, 3))]
    assert query("SELECT day FROM finance.days_to_recompute") == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(404), "answers 404"),
        (status(200, b"<html/>"), "it has no rates"),
    ],
)
def test_a_run_fails_at_once_for_what_lasts(instance, publisher, monkeypatch, answer, words):
    with server(answer) as (url, asked):
        monkeypatch.setenv("ASSAY_RATES_URL", url)
        result = run(instance, publisher)
    assert not result.success
    assert len(asked) == 1
    failure = result.get_step_failure_events()[0].step_failure_data
    assert words in str(failure.user_failure_data.description)
    assert instance.get_run_by_id(result.run_id).tags["dagster/max_retries"] == "0"


def test_nothing_is_scheduled_without_an_address(monkeypatch):
    monkeypatch.delenv("ASSAY_RATES_URL", raising=False)
    assert rates_schedules() == []
    monkeypatch.setenv("ASSAY_RATES_URL", "http://rates.example/")
    (schedule,) = rates_schedules()
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
