"""``python -m samples --out LANDING [--until YYYY-MM-DD] [--seed N]``."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from samples.landing import put_samples


def main() -> int:
    """Put the samples into the landing zone and say in one line what was done."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    parser = argparse.ArgumentParser(prog="python -m samples", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the landing zone's folder")
    parser.add_argument(
        "--until",
        type=date.fromisoformat,
        default=yesterday,
        help="last day of the feeds, YYYY-MM-DD (default: yesterday, UTC)",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other numbers")
    options = parser.parse_args()
    try:
        added = put_samples(options.out, options.until, options.seed)
    except (OSError, ValueError) as error:
        print(f"samples: {error}", file=sys.stderr)
        return 1
    print(f"samples: {added} files added" if added else "samples: already there, nothing added")
    return 0


if __name__ == "__main__":
    sys.exit(main())
