"""What the financial tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The tests are no package: finance_feeds.py is found here.
sys.path.insert(0, str(Path(__file__).parent))

# As the command line does: on a busy machine threads of small equations wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
