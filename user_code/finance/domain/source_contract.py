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

ISO_8601 = "iso8601"


class ContractError(ValueError):
    """A contract file cannot be used; the message names the file, the field and what to do."""


class SourceContract(BaseModel):
    """The form of one source's files. Every field has the default form's value as its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str] = Field(default_factory=dict)
    """Our field → the feed's column name, where they differ."""
    constants: dict[str, str] = Field(default_factory=dict)
    """Our field → the one value that it has in this feed, which has no such column."""
    date_format: str = ISO_8601
    """`iso8601`, or a strptime pattern such as `%d.%m.%Y` or `%d.%m.%Y %H:%M:%S`."""
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: str = "utf-8"
    time_zone: str = "UTC"
    """Whose midnight ends a day. Times without an offset are local times of this zone."""
    window_days: int = Field(default=7, ge=0, le=366)
    """How many days a row may be older than the date of its file."""

    @field_validator("columns", "constants")
    @classmethod
    def _known_fields(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(value) - set(FIELDS))
        if unknown:
            raise ValueError(f"unknown field {', '.join(unknown)}; there are {', '.join(FIELDS)}")
        if any(not text.strip() for text in value.values()):
            raise ValueError("a column name or constant must not be empty")
        return {field: text.strip() for field, text in value.items()}

    @field_validator("constants")
    @classmethod
    def _not_the_key(cls, value: dict[str, str]) -> dict[str, str]:
        if "transaction_id" in value:
            raise ValueError("transaction_id tells records apart: it cannot be a constant")
        return value

    @field_validator("date_format")
    @classmethod
    def _complete_date(cls, value: str) -> str:
        parts = set(re.findall(r"%[A-Za-z]", value))
        has_day = "%j" in parts or ("%d" in parts and parts & {"%m", "%b", "%B"})
        if value != ISO_8601 and not (parts & {"%Y", "%y"} and has_day):
            raise ValueError(f"use {ISO_8601}, or a pattern with year, month and day: %d.%m.%Y")
        return value

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

    def column_of(self, field: str) -> str | None:
        """The feed's column name of our field; None for a constant."""
        return None if field in self.constants else self.columns.get(field, field)


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
