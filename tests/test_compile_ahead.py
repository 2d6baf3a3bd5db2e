"""What is compiled ahead is all that reading a file needs: whoever has a copy compiles nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def compile_ahead(cache: Path) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "NUMBA_CPU_NAME": "generic"}
    command = [sys.executable, "-m", "user_code.compile_ahead"]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def state(cache: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(cache)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in cache.rglob("*.nb?")
    }


@pytest.mark.timeout(600)
def test_a_copy_of_what_was_compiled_is_loaded(tmp_path: Path) -> None:
    told = compile_ahead(tmp_path / "built")
    assert "call sets: numba" in told
    compiled = state(tmp_path / "built")
    for kernel in ("scan_kernel.scan_rows", "exact_test_kernel", "row_kernel.scan_rows"):
        # One signature each: types that differ from call to call would be compiled each.
        assert len([name for name in compiled if kernel in name and name.endswith("c")]) == 1

    shutil.copytree(tmp_path / "built", tmp_path / "run")
    assert compile_ahead(tmp_path / "run") == told
    assert state(tmp_path / "run") == compiled
