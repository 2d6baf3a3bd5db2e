"""By these labels a container is known: whose it is, what it is, and which run's."""

from __future__ import annotations

PROJECT_LABEL = "assay.project"
KIND_LABEL = "assay.kind"
RUN_ID_LABEL = "dagster/run_id"
JOB_NAME_LABEL = "dagster/job_name"
# What docker_gate names the container after, and what it makes an outside run of.
PARTITION_LABEL = "assay.partition"
NETWORK_LABEL = "assay.network"
OUTSIDE = "outside"
