"""How one source writes its files: a small YAML file per source, or the default form."""

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from user_code.finance.domain.contracts import FIELDS
from user_code.finance.domain.source_expectations import Arrival, ControlTotals

ISO_8601 = "iso8601"


class ContractError(ValueError):
    """A contract file cannot be used; the message names the file, the field and what to do."""


class SourceContract(BaseModel):
    """The form of one source's files. Every field has the default form's value as its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Our field → the feed's column name, where they differ. `transaction_id` and `category` may
    be made of several columns, joined by `/`: for feeds without an id of their own."""
    constants: dict[str, str] = Field(default_factory=dict)
    """Our field → the one value that it has in this feed, which has no such column."""
    date_format: str = ISO_8601
    """`iso8601`, or a strptime pattern such as `%d.%m.%Y` or `%d.%m.%Y %H:%M:%S`."""
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    delimiter: Literal[",", ";", "\t", "|"] = ","
    signs: Literal["leading", "trailing", "parentheses"] = "leading"
    """How a negative amount is written: `-1.00`, `1.00-` or `(1.00)`."""
    digits: dict[str, int] = Field(default_factory=dict)
    """Currency → digits after the point, where the feed differs from ISO 4217; also for codes that
    ISO 4217 lacks."""
    multiline: bool = False
    """Whether a quoted field may hold line ends. An open quote that isn't closed within 64 KiB is
    stray: its line is quarantined and reading goes on at the next."""
    encoding: str = "utf-8"
    time_zone: str = "UTC"
    """Whose midnight ends a day. Times without an offset are local times of this zone."""
    window_days: int = Field(default=7, ge=0, le=366)
    """How many days a row may be older than the date of its file."""
    row_floor: int | None = Field(default=None, ge=0)
    """A newest day with fewer rows raises an alert; without one the platform's floor holds."""
    arrival: Arrival | None = None
    control_totals: ControlTotals | None = None

    @field_validator("columns", "constants")
    @classmethod
    def _known_fields(
        cls, value: dict[str, str | tuple[str, ...]]
    ) -> dict[str, str | tuple[str, ...]]:
        unknown = sorted(set(value) - set(FIELDS))
        if unknown:
            raise ValueError(f"unknown field {', '.join(unknown)}; there are {', '.join(FIELDS)}")
        for field, names in value.items():
            if not isinstance(names, str) and field not in ("transaction_id", "category"):
                raise ValueError(f"{field}: only transaction_id and category join several columns")
            if not names or not all(name.strip() for name in _as_tuple(names)):
                raise ValueError("a column name or constant must not be empty")
        return {
            field: names.strip() if isinstance(names, str) else tuple(n.strip() for n in names)
            for field, names in value.items()
        }

    @field_validator("constants")
    @classmethod
    def _not_the_key(cls, value: dict[str, str]) -> dict[str, str]:
        if "transaction_id" in value:
            raise ValueError("transaction_id tells records apart: it cannot be a constant")
        return value

    @field_validator("digits")
    @classmethod
    def _possible_digits(cls, value: dict[str, int]) -> dict[str, int]:
        for code, digits in value.items():
            if not re.fullmatch("[A-Z]{3,5}", code) or not 0 <= digits <= 4:
                raise ValueError("use a currency's code and 0 to 4 digits: {JPY: 0}")
        return value

    @field_validator("date_format")
    @classmethod
    def _complete_date(cls, value: str) -> str:
        parts = set(re.findall(r"%[A-Za-z]", value))
        has_day = "%j" in parts or ("%d" in parts and parts & {"%m", "%b", "%B"})
        if value != ISO_8601 and not (parts & {"%Y", "%y"} and has_day):
            raise ValueError(f"use {ISO_8601}, or a pattern with year, month and day: %d.%m.%Y")
        if value != ISO_8601:
            _check_directives(value)
        # Python's name for it; to Polars %f are nanoseconds.
        return value.replace(".%f", "%.f")

    @field_validator("encoding")
    @classmethod
    def _ascii_compatible(cls, value: str) -> str:
        # Lines are cut before they are decoded, so that a bad byte costs one record.
        try:
            codec = codecs.lookup(value)
            plain = codec.encode('\n,;"0')[0] == b'\n,;"0'
        except (LookupError, TypeError, AttributeError):
            plain = False
        if not plain:
            raise ValueError("use an encoding that contains ASCII: utf-8, cp1252, iso-8859-15 …")
        return codec.name

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("use a name such as Europe/Berlin or UTC") from error
        return value

    @model_validator(mode="after")
    def _no_clash(self) -> "SourceContract":
        if self.delimiter == self.decimal or self.thousands == self.decimal:
            # A quoted field could hold it, but then a lost quote would shift the columns.
            raise ValueError("delimiter, decimal and thousands must be different characters")
        both = sorted(set(self.columns) & set(self.constants))
        if both:
            raise ValueError(f"{', '.join(both)}: either a column or a constant, not both")
        return self

    def columns_of(self, field: str) -> tuple[str, ...]:
        """The feed's column names of our field; none for a constant."""
        return () if field in self.constants else _as_tuple(self.columns.get(field, field))


_DIRECTIVES = {f"%{letter}" for letter in "YymbBdejHIklMSTRpPzaA%"} | {".%f", "%.f"}


def _check_directives(pattern: str) -> None:
    """ValueError for what would lose the time, or stop all files, once there are rows."""
    used = set(re.findall(r"\.%f|%\.?.?", pattern))
    if unknown := sorted(used - _DIRECTIVES):
        raise ValueError(f"{unknown[0]} is unknown here; use %d.%m.%Y %H:%M:%S or the like")
    half_day, minute = used & {"%I", "%l"}, used & {"%M"}
    if bool(half_day) != bool(used & {"%p", "%P"}):
        raise ValueError("%I and %p (am, pm) need each other")
    if bool(half_day or used & {"%H", "%k"}) != bool(minute):
        raise ValueError("a time needs both its hour and its minute: %H:%M")


def _as_tuple(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


DEFAULT = SourceContract()


def read_contract(path: Path) -> SourceContract:
    """The contract in a YAML file; raises ContractError in one line."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise ContractError(f"{path}: not a readable YAML file: {problem}") from error
    if content is None:
        return DEFAULT
    if not isinstance(content, dict):
        raise ContractError(f"{path}: should be a mapping such as `delimiter: ';'`")
    try:
        return SourceContract.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'contract'}: {each['msg']}"
            for each in error.errors()
        )
        raise ContractError(f"{path}: {problems}") from error


def read_contracts(
    folder: Path | None, sources: Mapping[str, object] | set[str]
) -> dict[str, SourceContract]:
    """The contract of each source: `<folder>/<source>.yaml`, or the default form without one."""
    found = {}
    for source in sorted(sources):
        path = folder / f"{source}.yaml" if folder else None
        found[source] = read_contract(path) if path and path.is_file() else DEFAULT
    return found


def usable_contracts(
    folder: Path | None, sources: set[str]
) -> tuple[dict[str, SourceContract], dict[str, str]]:
    """As `read_contracts`, but a contract that cannot be used costs only its source.

    Returns the contracts and, for each source that is without, the reason to refuse its files.
    """
    found: dict[str, SourceContract] = {}
    reasons: dict[str, str] = {}
    for source in sorted(sources):
        try:
            found |= read_contracts(folder, {source})
        except ContractError as error:
            reasons[source] = f"contract: {error}"
    return found, reasons
