"""The asset `reconciliation`: control totals of feeds whose contract names them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import dagster as dg
from finance_feeds import write_text
from test_runs import (  # noqa: F401  (landing is a fixture)
    FIRST,
    landing,
    last_metadata,
    rows,
    run_days,
    run_history,
)

from user_code.finance.assets import ASSETS
from user_code.finance.control_totals import reconciliation
from user_code.finance.definitions import defs

HEAD = "transaction_id,booked_at,account_id,category,amount,currency,mtd\n"
DAYS = [FIRST + timedelta(days=n) for n in range(3)]


def land(landing, source: str, stated: list[dict[str, str]]) -> None:  # noqa: F811
    """Each day 1.50 of each category, in euros and dollars; `stated` the month to date."""
    for day, lines in zip(DAYS, stated, strict=True):
        text = "".join(
            f"{day}-{line}-{currency},{day},a,{line},1.50,{currency},{total}\n"
            for line, total in lines.items()
            for currency in ("EUR", "USD")
        )
        write_text(landing, source, f"tx-{day}.csv", HEAD + text)


def reconcile(instance, publisher) -> dict[str, object]:
    done = dg.materialize(
        [*ASSETS, reconciliation],
        selection=[reconciliation],
        instance=instance,
        resources={"publisher": publisher},
    )
    assert done.success
    return last_metadata(instance, "reconciliation")


def test_what_does_not_add_up_is_listed_and_alerted_until_it_is_corrected(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    tmp_path,
):
    (tmp_path / "contracts/bank.yaml").write_text("control_totals: {month_to_date: mtd}\n")
    right = [{"tax": "11.50", "fee": "1.50"}, {"tax": "13.00", "fee": "3.00"}]
    land(landing, "bank", [*right, {"tax": "14.50", "fee": "4.00"}])
    # States nonsense, but nobody said that the column is a control total.
    land(landing, "till", [{"tax": "7"}, {"tax": "7"}, {"tax": "7"}])
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success

    facts = reconcile(instance, publisher)
    assert facts["sources_with_control_totals"] == ["bank"]
    assert (facts["line_days"], facts["line_days_that_differ"]) == (12, 2)
    listed = "SELECT date, source, currency, line, expected, difference FROM finance.reconciliation"
    assert rows(warehouse, f"{listed} ORDER BY currency") == [
        (DAYS[2], "bank", currency, "fee", Decimal("4.5"), Decimal("-0.5"))
        for currency in ("EUR", "USD")
    ]
    alerts = "SELECT key, state, facts->'first_lines' FROM ops.alerts ORDER BY key"
    keys = [f"finance.control_totals:bank:{each}:{DAYS[2]}" for each in ("EUR", "USD")]
    assert rows(warehouse, alerts) == [(key, "open", ["fee"]) for key in keys]

    land(landing, "bank", [*right, {"tax": "14.50", "fee": "4.50"}])
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success
    assert reconcile(instance, publisher)["line_days_that_differ"] == 0
    assert rows(warehouse, listed) == []
    assert [row[1] for row in rows(warehouse, alerts)] == ["closed", "closed"]


def test_the_tolerance_of_the_contract_holds_and_without_totals_there_is_nothing_to_say(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    tmp_path,
):
    assert reconcile(instance, publisher)["line_days"] == 0
    (tmp_path / "contracts/bank.yaml").write_text(
        'control_totals: {month_to_date: mtd, tolerance: "0.5"}\n'
    )
    land(landing, "bank", [{"tax": "1.50"}, {"tax": "3.50"}, {"tax": "5.51"}])
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success
    facts = reconcile(instance, publisher)
    assert (facts["line_days"], facts["line_days_that_differ"]) == (6, 2)
    assert rows(warehouse, "SELECT DISTINCT date FROM finance.reconciliation") == [(DAYS[2],)]


def test_each_materialisation_says_what_its_run_cost(
    instance,
    publisher,
    landing,  # noqa: F811
    tmp_path,
):
    (tmp_path / "contracts/bank.yaml").write_text("control_totals: {month_to_date: mtd}\n")
    land(landing, "bank", [{"tax": "1.50"}] * 3)
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success
    assert run_history(instance, publisher, least_history=2).success
    reconcile(instance, publisher)
    computed = {key.to_user_string() for key in instance.get_asset_keys()}
    graph = dg.Definitions.merge(
        defs, dg.Definitions(resources={"publisher": publisher})
    ).resolve_asset_graph()
    every = {key.to_user_string() for key in graph.materializable_asset_keys}
    assert computed == every - {"exchange_rates"}  # those are in test_exchange_rates
    for asset in computed:
        assert {"peak_memory_mb", "cpu_s"} <= set(last_metadata(instance, asset)), asset
