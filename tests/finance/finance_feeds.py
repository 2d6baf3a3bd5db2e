"""Feeds for the tests, written as a bank would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

HEADER = "transaction_id,booked_at,account_id,category,amount,currency"


def feed(day: date, amounts: Iterable[str], *, prefix: str = "t", currency: str = "EUR") -> str:
    """A feed in the default form, one record per amount; ids hold the day."""
    lines = [
        f"{prefix}-{day:%m%d}-{number},{day}T12:00:00Z,a{number % 3},food,{amount},{currency}"
        for number, amount in enumerate(amounts)
    ]
    return "\n".join([HEADER, *lines, ""])


def write_feed(
    landing: Path, source: str, day: date, amounts: Iterable[str], *, suffix: str = ""
) -> Path:
    """`feed` as a landed file; `suffix` such as `.v2` makes it a correction."""
    return write_text(landing, source, f"tx-{day}{suffix}.csv", feed(day, amounts))


def write_text(landing: Path, source: str, name: str, text: str | bytes) -> Path:
    """Any content as a landed file."""
    path = landing / "finance" / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
