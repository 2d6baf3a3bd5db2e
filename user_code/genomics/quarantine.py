"""What happens to a call set that must not be computed on: kept facts, an alert, a failed run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from user_code.genomics.domain.refusals import RefusedInputError
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import Attempt

DOMAIN = "genomics"


def refuse(attempt: Attempt, base: Path, call_set: str, error: RefusedInputError) -> NoReturn:
    """Write place and reason to quarantine/genomics/<call_set>.json, alert, fail for good.

    `base` is the folder that has quarantine/ in it.

    The file itself stays in the landing zone, which nothing changes. Always raises dg.Failure.
    """
    facts = {"call_set": call_set, "place": error.place, "reason": error.reason}
    _write(
        _note(base, call_set),
        {
            **facts,
            "advice": error.advice,
            "run_id": attempt.run_id,
            "refused_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
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
    """The call set is fine now: remove the note of an earlier refusal and close its alert."""
    _note(base, call_set).unlink(missing_ok=True)
    close_alert(attempt.warehouse, alert_key(call_set))


def alert_key(call_set: str) -> str:
    return f"input.refused:{DOMAIN}:{call_set}"


def _note(base: Path, call_set: str) -> Path:
    return base / "quarantine" / DOMAIN / f"{call_set}.json"


def _write(path: Path, facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)
