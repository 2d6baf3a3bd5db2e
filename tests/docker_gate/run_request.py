"""The create request that the launcher makes for a run, as docker-py sends it."""

from __future__ import annotations

import json
from typing import Any

from tests.docker_gate.recording_engine import IMAGE, PROJECT

RUN_ID = "12345678-90ab-4cde-8f01-23456789abcd"


def run_request(project: str = PROJECT, image: str = IMAGE) -> dict[str, Any]:
    """A fresh one, for a test to change."""
    arguments = json.dumps({"__class__": "ExecuteRunArgs", "pipeline_run_id": RUN_ID})
    modes = {"data": "rw", "quarantine": "rw", "reports": "rw", "compute_logs": "rw"}
    modes |= {"landing": "ro", "contracts": "ro"}
    return {
        "Image": image,
        "Cmd": ["dagster", "api", "execute_run", arguments],
        "Env": ["ASSAY_PG_HOST=postgres", "DAGSTER_RUN_JOB_NAME=a_job", "POLARS_MAX_THREADS=1"],
        "Labels": {
            "assay.project": project,
            "assay.kind": "run",
            "dagster/run_id": RUN_ID,
            "dagster/job_name": "a_job",
        },
        "Tty": False,
        "OpenStdin": False,
        "AttachStdin": False,
        "Volumes": {
            **{f"/assay/{name}": {} for name in modes},
            "/run/assay-secrets": {},
        },
        "NetworkDisabled": False,
        "HostConfig": {
            "Memory": 64 * 2**20,
            "MemorySwap": 64 * 2**20,
            "NanoCpus": 500_000_000,
            "PidsLimit": 1024,
            "NetworkMode": f"{project}_runs",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Binds": [
                *(f"{project}_{name}:/assay/{name}:{mode}" for name, mode in modes.items()),
                f"{project}_secret_run:/run/assay-secrets:ro",
            ],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
        },
        "NetworkingConfig": {f"{project}_runs": None},
    }
