"""What is measured, each as a command of its own, so that CPU time and memory are its own."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_TAGS = "AC,AN,AF,HWE,DP_mean:1=float(AVG(FORMAT/DP)),GQ_mean:1=float(AVG(FORMAT/GQ))"


@dataclass(frozen=True)
class Cost:
    """Of one command: wall and CPU seconds, largest resident memory in MB (10^6 bytes)."""

    wall: float
    cpu: float
    peak_mb: float


def measure(command: list[str]) -> Cost:
    """Run it to its end; RuntimeError with its error output if it fails."""
    with tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command[0]} failed: {errors.read()[-500:].decode()}")
    return Cost(wall, used.ru_utime + used.ru_stime, _peak_mb(used))


def _peak_mb(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def commands(path: Path, out: Path) -> dict[str, list[str]]:
    """By name: Assay, the floor, and the peers that are there."""
    python = [sys.executable, "-m"]
    found = {
        "decompression alone": [*python, "benchmarks.genomics.loops", "decompress", str(path)],
        "assay genomics qc": [
            *python, "user_code.cli", "genomics", "qc", str(path), "--out", str(out)
        ],
        "cyvcf2 and numpy, a loop by variant": [
            *python, "benchmarks.genomics.loops", "cyvcf2", str(path)
        ],
        "bcftools stats -s - (pysam's)": [
            *python, "benchmarks.genomics.loops", "stats", str(path)
        ],
    }  # fmt: skip
    if bcftools := shutil.which("bcftools"):
        threads = ["--threads", "2"]
        found["bcftools +fill-tags"] = [
            bcftools, "+fill-tags", *threads, str(path), "-Ob", "-o", str(out / "tags.bcf"),
            "--", "-t", _TAGS,
        ]  # fmt: skip
        found["bcftools stats -s -"] = [bcftools, "stats", *threads, "-s", "-", str(path)]
    return found
