"""What the financial tests share."""

from __future__ import annotations

import sys
from pathlib import Path

# The tests are no package: finance_feeds.py is found here.
sys.path.insert(0, str(Path(__file__).parent))
