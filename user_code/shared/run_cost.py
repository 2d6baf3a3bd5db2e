"""What a run has cost so far: memory and processor time of its process, all threads."""

from __future__ import annotations

import resource
import sys
import time


def run_cost() -> dict[str, float]:
    """Metadata: peak memory in MB (10^6 bytes) and CPU seconds."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    in_bytes = peak if sys.platform == "darwin" else peak * 1024
    return {"peak_memory_mb": round(in_bytes / 1e6, 1), "cpu_s": round(time.process_time(), 1)}
