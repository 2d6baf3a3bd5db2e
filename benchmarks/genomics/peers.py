"""What is measured, each as a command of its own, so that CPU time and memory are its own."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

ASSAY, FLOOR = "assay genomics qc", "decompression alone"
FILL_TAGS, STATS = "bcftools +fill-tags", "bcftools stats -s -"
_DECOMPRESS = (
    "import sys, pathlib; from benchmarks.genomics.generate import decompress_only; "
    "print(decompress_only(pathlib.Path(sys.argv[1])))"
)
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


def commands(path: Path, out: Path, folder: Path) -> dict[str, list[str]]:
    """By name: Assay, the floor, and the peers that are there or can be had; made in `folder`."""
    found = {
        FLOOR: [sys.executable, "-c", _DECOMPRESS, str(path)],
        ASSAY: assay(path, out),
    }
    if bcftools := find_bcftools():
        threads = ["--threads", "2"]
        found[FILL_TAGS] = [
            bcftools, "+fill-tags", *threads, str(path), "-Ob", "-o", str(folder / "tags.bcf"),
            "--", "-t", _TAGS,
        ]  # fmt: skip
        found[STATS] = [bcftools, "stats", *threads, "-s", "-", str(path)]
    loops = str(Path(__file__).with_name("peer_loops.py"))
    for package in ("cyvcf2", "scikit-allel", "polars-bio"):
        if python := _environment(folder / package, package):
            found[package] = [python, loops, package, str(path)]
    return found


def assay(path: Path, out: Path, *options: str) -> list[str]:
    """The command-line pass."""
    python = [sys.executable, "-m", "user_code.cli"]
    return [*python, "genomics", "qc", str(path), "--out", str(out), *options]


def find_bcftools() -> str | None:
    """One with plugins: that on PATH, else Debian's, if this is Debian and the user is root."""
    if not shutil.which("bcftools") and shutil.which("apt-get") and os.geteuid() == 0:
        for words in (["update"], ["install", "-y", "--no-install-recommends", "bcftools"]):
            subprocess.run(["apt-get", "-qq", *words], stdout=subprocess.DEVNULL, check=False)
    return shutil.which("bcftools")


def version_of(bcftools: str) -> str:
    """As it says it: bcftools 1.21."""
    told = subprocess.run([bcftools, "--version"], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()[0]


def _environment(folder: Path, package: str) -> str | None:
    """The Python of a new environment with this package alone; None where it doesn't install."""
    try:
        venv.create(folder, with_pip=True)
        python = str(folder / "bin/python")
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", package]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{package} does not install here: {type(error).__name__}", file=sys.stderr)
        return None
    return python
