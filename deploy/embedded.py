"""The embedded edition: `.venv/bin/python deploy/embedded.py`, or `make dev`.

The same assets, sensors, tables and alerts as the team edition, on one machine without containers:
PostgreSQL from a Python package, Dagster's web server and daemon, the alerter, the samples.
Everything it keeps is in `.embedded/<project>/`; Ctrl-C stops all of it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from embedded_dagster import start_dagster
from embedded_postgres import EmbeddedPostgres, start_postgres
from embedded_processes import adopt_orphans, start, stop

SCRIPTS = Path(__file__).resolve().parent
REPOSITORY = SCRIPTS.parent
# Nobody logs in here, so nobody else may get in.
LOOPBACK = "127.0.0.1"

_UI_WITHIN_SECONDS = 120


class CannotStart(RuntimeError):
    """The edition can't start; the message says what to do."""


class Stopped(Exception):
    """Somebody asked us to stop."""


def main() -> int:
    """Start everything and stay until a signal or a program's end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="deploy/embedded.py", description=__doc__)
    parser.add_argument("--port", type=int, help="of the UI (default: ASSAY_UI_PORT in .env)")
    parser.add_argument("--once", action="store_true", help="stop as soon as the UI answers")
    parser.add_argument("--home", type=Path, help="where it keeps its files")
    parser.add_argument("--no-samples", action="store_true", help="leave the landing zone as it is")
    parser.add_argument("--module", nargs="+", metavar="WORD", help="run this module of ours only")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop_asked)
    signal.signal(signal.SIGINT, _stop_asked)
    adopt_orphans()
    try:
        if options.module:
            return run_module(options.module, options.home)
        run(options.port, options.home, once=options.once, samples=not options.no_samples)
    except CannotStart as error:
        print(f"embedded edition: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:  # it has said itself what was wrong
        print(f"embedded edition: {Path(error.cmd[0]).name} failed, see above", file=sys.stderr)
        return 1
    except Stopped:
        pass
    say("stopped; data and runs are kept")
    return 0


def run(port: int | None, home: Path | None, *, once: bool, samples: bool) -> None:
    """Start PostgreSQL, migrate, put the samples in, start Dagster and the alerter; wait."""
    env = _env_file()
    _check_address(env.get("ASSAY_UI_ADDRESS") or LOOPBACK)
    port = port or int(env.get("ASSAY_UI_PORT") or 3000)
    home = home or _home(env)
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home), tempfile.TemporaryDirectory(prefix="assay-") as sockets:
        _check_port_is_free(port)
        reports_port = next(p for p in range(port + 1, 65536) if _is_free(p))
        say("starting PostgreSQL")
        postgres = start_postgres(home / "postgres", home / "secrets")
        programs: list[subprocess.Popen[bytes]] = []
        try:
            environment = _environment(env, postgres, home, port, reports_port)
            _prepare(environment, samples=samples)
            python = sys.executable
            reports = str(home / "root" / "reports")
            programs.append(
                start(
                    [python, str(SCRIPTS / "embedded_reports.py"), str(reports_port), reports],
                    environment,
                    REPOSITORY,
                    home / "reports.log",
                )
            )
            programs.append(
                start(
                    [python, "-m", "control_plane.alerter"],
                    environment,
                    REPOSITORY,
                    home / "alerter.log",
                )
            )
            say("starting Dagster")
            for program in start_dagster(environment, home, LOOPBACK, port, Path(sockets)):
                programs.append(program)
            _wait_for_ui(port, programs, home)
            say(f"Assay is at http://{LOOPBACK}:{port}, for this machine alone: it has no login")
            say(f"drop files into {environment['ASSAY_LANDING']}/ · logs are in {home}/")
            if not once:
                _stay(programs, home)
        finally:
            _ignore_signals()
            say("stopping")
            stop(programs, keep=[postgres.server.get_pid()])
            postgres.stop()


def run_module(words: list[str], home: Path | None) -> int:
    """`python -m WORDS` as our programs are run, beside a running edition or without one."""
    env = _env_file()
    home = home or _home(env)
    if not (home / "postgres").is_dir():
        raise CannotStart(f"there is no Assay in {home}: make dev makes one")
    postgres = start_postgres(home / "postgres", home / "secrets")
    try:
        port = int(env.get("ASSAY_UI_PORT") or 3000)
        environment = _environment(env, postgres, home, port, 0)
        command = [sys.executable, "-W", "ignore", "-m", *words]
        return subprocess.run(command, env=environment, cwd=home, check=False).returncode
    finally:
        postgres.stop()


def say(text: str) -> None:
    """A line of progress."""
    print(f"embedded edition: {text}", flush=True)


def _env_file() -> dict[str, str]:
    """What `.env` (or what ASSAY_ENV_FILE names) says; made, if it lacks."""
    subprocess.run([str(REPOSITORY / "deploy/env_file.sh"), "make"], cwd=REPOSITORY, check=True)
    path = REPOSITORY / os.environ.get("ASSAY_ENV_FILE", ".env")
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _home(env: Mapping[str, str]) -> Path:
    return REPOSITORY / ".embedded" / (env.get("ASSAY_PROJECT") or "assay")


def _environment(
    env: Mapping[str, str], postgres: EmbeddedPostgres, home: Path, port: int, reports_port: int
) -> dict[str, str]:
    """What our programs are told: `.env`, and where things are in this edition."""
    root = home / "root"
    folders = {
        "ASSAY_ROOT": root,
        "ASSAY_LANDING": REPOSITORY / (env.get("ASSAY_LANDING_DIR") or "landing"),
        "ASSAY_CONTRACTS": REPOSITORY / (env.get("ASSAY_CONTRACTS_DIR") or "contracts.d"),
        "ASSAY_ALERTS_FOLDER": REPOSITORY / (env.get("ASSAY_ALERTS_DIR") or "alerts.d"),
        "ASSAY_EMBEDDED_LOGS": root / "compute_logs",
        "DAGSTER_HOME": home / "dagster",
    }
    for folder in (*folders.values(), root / "data", root / "quarantine", root / "reports"):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(REPOSITORY / "deploy/embedded_dagster.yaml", home / "dagster" / "dagster.yaml")
    socket_folder = quote(postgres.environment["ASSAY_PG_HOST"], safe="")
    passfile = quote(f"{postgres.environment['ASSAY_SECRETS']}/pgpass", safe="")
    return {
        **os.environ,
        **env,
        **postgres.environment,
        **{name: str(folder.resolve()) for name, folder in folders.items()},
        "ASSAY_EMBEDDED_STORAGE": (
            f"postgresql://dagster@/dagster?host={socket_folder}&passfile={passfile}"
        ),
        "ASSAY_UI_PORT": str(port),
        "ASSAY_UI_URL": f"http://{LOOPBACK}:{port}",
        "ASSAY_WEBSERVER_URL": f"http://{LOOPBACK}:{port}",
        "ASSAY_METRICS_ADDRESS": f"{LOOPBACK}:9464",
        "ASSAY_REPORTS_URL": f"http://{LOOPBACK}:{reports_port}",
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        # Each run would repeat that some of Dagster's parameters are in beta.
        "PYTHONWARNINGS": "ignore",
    }


def _prepare(environment: Mapping[str, str], *, samples: bool) -> None:
    """Bring all schemas up to date, and the samples into the landing zone."""
    steps = [
        ("migrating Dagster's storage", ["dagster", "instance", "migrate"]),
        ("migrating the schema ops", ["control_plane.migrate_ops"]),
        ("migrating the domains' schemas", ["user_code.shared.migrate"]),
    ]
    if samples:
        steps.append(("putting the samples in", ["samples", "--out", environment["ASSAY_LANDING"]]))
    for text, words in steps:
        say(text)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", *words],
            env=dict(environment),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotStart(f"{text} failed:\n{done.stdout.strip()[-2000:]}")


def _wait_for_ui(port: int, programs: list[subprocess.Popen[bytes]], home: Path) -> None:
    deadline = time.monotonic() + _UI_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if any(program.poll() is not None for program in programs):
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise CannotStart(f"Dagster doesn't answer on port {port}: see {home / 'dagster.log'}")


def _stay(programs: list[subprocess.Popen[bytes]], home: Path) -> None:
    while all(program.poll() is None for program in programs):
        time.sleep(0.5)
    raise CannotStart(f"a program has ended by itself: see the logs in {home}/")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One embedded edition per project; the lock goes with the process, however it ends."""
    with (home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"it is running already (its files are in {home})") from None
        yield


def _check_address(address: str) -> None:
    if address not in (LOOPBACK, "localhost"):
        raise CannotStart(
            f"ASSAY_UI_ADDRESS={address} would let others in, and this edition has no login: it"
            f" serves {LOOPBACK} only. Set that address in .env; to share an Assay, install Docker"
            " Engine and run make up"
        )


def _check_port_is_free(port: int) -> None:
    if not _is_free(port):
        raise CannotStart(f"port {port} is taken: set another ASSAY_UI_PORT in .env, or use --port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _stop_asked(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _ignore_signals() -> None:
    """Stopping is under way: a second Ctrl-C would only leave processes behind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
