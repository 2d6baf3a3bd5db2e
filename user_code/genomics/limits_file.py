"""The limits of a pass from a TOML or JSON file, under the names of the run's configuration."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from user_code.genomics.domain.high_quality import AdjRule
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.variant_rows import QcLimits

_NUMBERS = {
    "min_qual": 30.0,
    "outlier_mads": 5.0,
    "max_expanded_gb": 1000.0,
    "adj_min_gq": 20.0,
    "adj_min_dp": 10.0,
    "adj_min_dp_haploid": 5.0,
    "adj_min_allele_balance": 0.2,
}
_FLAG = "keep_missing_quality"


@dataclass(frozen=True)
class FileLimits:
    """What a file sets; what it doesn't has its default."""

    limits: QcLimits
    max_expanded_bytes: float


def read_limits(path: Path | None) -> FileLimits:
    """Raises RefusedInputError that names the setting: unknown, not a number, below 0."""
    given = _read(path) if path else {}
    name = path.name if path else ""
    if unknown := sorted(set(given) - {*_NUMBERS, _FLAG}):
        raise RefusedInputError(
            f"{name}, {unknown[0]}", "there is no such setting", f"Known: {', '.join(_NUMBERS)}."
        )
    values = dict(_NUMBERS)
    for key in values.keys() & given.keys():
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise RefusedInputError(f"{name}, {key}", "it isn't a number from 0", "Correct it.")
        values[key] = float(value)
    keep = given.get(_FLAG, False)
    if not isinstance(keep, bool):
        raise RefusedInputError(f"{name}, {_FLAG}", "it is neither true nor false", "Correct it.")
    adj = AdjRule(
        values["adj_min_gq"],
        values["adj_min_dp"],
        values["adj_min_dp_haploid"],
        values["adj_min_allele_balance"],
    )
    limits = QcLimits(values["min_qual"], keep, values["outlier_mads"], adj)
    return FileLimits(limits, values["max_expanded_gb"] * 1e9)


def _read(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    try:
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise RefusedInputError(path.name, f"it can't be read: {error}", "Correct it.") from error
    if not isinstance(found, dict):
        raise RefusedInputError(path.name, "it holds no settings", "Write name and value pairs.")
    return found
