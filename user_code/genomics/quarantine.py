"""What happens to a call set that must not be computed on: kept whole, an alert, a failed run."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from user_code.genomics.domain.call_set import find_call_set
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.settings import settings
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import Attempt

DOMAIN = "genomics"
REASON = "reason.json"


def refuse(
    attempt: Attempt, base: Path, call_set: str, error: RefusedInputError, most_bytes: float
) -> NoReturn:
    """Copy the call set and the reason to quarantine/genomics/<call_set>/, alert, fail for good.

    `base` is the folder that has quarantine/ in it. Files of more than `most_bytes` together
    aren't copied, which the reason says; those in the landing zone stay as they are. Always raises
    dg.Failure.
    """
    facts = {"call_set": call_set, "place": error.place, "reason": error.reason}
    _keep(
        *quarantine_paths(base, call_set),
        _files(call_set),
        {
            **facts,
            "advice": error.advice,
            "run_id": attempt.run_id,
            "refused_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        most_bytes,
    )
    raise_alert(
        attempt.warehouse,
        key=alert_key(call_set),
        kind="input.refused",
        severity="error",
        domain=DOMAIN,
        subject=f"call set {call_set} was refused: {error.reason}",
        facts={**facts, "advice": error.advice},
    )
    fail_permanently(attempt.context, str(error), {"place": error.place, "reason": error.reason})


def absolve(attempt: Attempt, base: Path, call_set: str) -> None:
    """The call set is fine now: remove what an earlier refusal kept and close its alert."""
    shutil.rmtree(quarantine_paths(base, call_set)[0], ignore_errors=True)
    close_alert(attempt.warehouse, alert_key(call_set))


def alert_key(call_set: str) -> str:
    return f"input.refused:{DOMAIN}:{call_set}"


def quarantine_paths(base: Path, call_set: str) -> tuple[Path, Path]:
    """Where a refused call set is kept, and where it is while it is being copied."""
    folder = base / "quarantine" / DOMAIN / call_set
    return folder, folder.with_name(f".{call_set}.tmp")


def _files(call_set: str) -> tuple[Path, ...]:
    try:
        return find_call_set(settings().landing / DOMAIN, call_set).files
    except RefusedInputError:  # gone, or several claim the name
        return ()


def _keep(
    folder: Path,
    temporary: Path,
    files: tuple[Path, ...],
    facts: dict[str, str],
    most_bytes: float,
) -> None:
    """Replace the folder whole, so that no reader takes an older file for the refused one."""
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    copied: list[str] | str = [file.name for file in files]
    if sum(file.stat().st_size for file in files) > most_bytes:
        copied = "too large: see the landing zone"
    else:
        try:
            for file in files:
                shutil.copyfile(file, temporary / file.name)
        except OSError as error:  # the alert matters more than the copy
            copied = f"can't be copied ({error.strerror}): see the landing zone"
            for file in files:
                (temporary / file.name).unlink(missing_ok=True)
    text = json.dumps({**facts, "files": copied}, indent=2)
    (temporary / REASON).write_text(text + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
