"""How few rows a source's newest day may have before somebody is told, by its contract."""

from collections.abc import Collection

from user_code.finance.domain.source_contract import usable_contracts
from user_code.settings import settings


def row_floors(sources: Collection[str]) -> dict[str, int]:
    """The floors of those sources whose contract names one.

    A contract that cannot be used names none: its files are refused, and that has its own alert.
    """
    forms, _ = usable_contracts(settings().contracts, set(sources))
    return {source: form.row_floor for source, form in forms.items() if form.row_floor is not None}
