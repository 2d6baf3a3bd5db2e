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
# What each must be within, as in the run's configuration; 0 itself only where it makes sense.
_ABOVE_ZERO = ("outlier_mads", "max_expanded_gb")
_MOST = {"adj_min_allele_balance": 1.0}
_FLAG = "keep_missing_quality"


@dataclass(frozen=True)
class FileLimits:
    """What a file sets; what it doesn't has its default."""

    limits: QcLimits
    max_expanded_bytes: float


def read_limits(path: Path | None) -> FileLimits:
    """Raises RefusedInputError that names the file or setting: unknown, not a number, outside."""
    given = _read(path) if path else {}
    name = path.name if path else ""
    if unknown := sorted(set(given) - {*_NUMBERS, _FLAG}):
        known = ", ".join((*_NUMBERS, _FLAG))
        raise RefusedInputError(
            f"{name}, {unknown[0]}", "there is no such setting", f"Known: {known}."
        )
    values = dict(_NUMBERS)
    for key in values.keys() & given.keys():
        value = given[key]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        most = _MOST.get(key, 1e12)
        if not is_number or not 0 <= value <= most or (value == 0 and key in _ABOVE_ZERO):
            least = "above 0" if key in _ABOVE_ZERO else "from 0"
            limit = f" to {most:g}" if key in _MOST else ""
            raise RefusedInputError(
                f"{name}, {key}", f"it isn't a number {least}{limit}", "Correct it."
            )
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
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise RefusedInputError(
            path.name, f"it can't be read: {error.strerror}", "Name a TOML or JSON file."
        ) from error
    except ValueError as error:  # of its text, its JSON, its TOML
        raise RefusedInputError(path.name, f"it can't be read: {error}", "Correct it.") from error
    if not isinstance(found, dict):
        raise RefusedInputError(path.name, "it holds no settings", "Write name and value pairs.")
    return found
