"""Secrets and data searched for where they must not be; secrets files and their rotation."""

import gzip
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from assay_stack import AssayStack, alert_url
from docker_engine import containers, docker, inspect
from everything_told import everything_told, image_layers
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")


SEARCHED_BY_THIS_BEGINNING = re.compile(rb"assay-secret-[0-9a-f]{64}")
OWNED = """
set -eu
cd /run/assay-secrets
for one in . *; do stat -c "%n %a %u" $one; done
id -u
"""


@pytest.fixture(scope="module")
def told_url(assay: AssayStack, webhook: Webhook) -> Iterator[str]:
    """A channel with a password in its URL, given as people give it, and used once."""
    password = secrets.token_hex(16)
    url = alert_url(webhook.port).replace("://", f"://canary:{password}@")
    give = 'printf %s "$1" | make secret SECRET=alert_urls'
    assay.script("bash", "-c", give, "_", url)
    try:
        assert assay.script("make", "alert-test").count("taken") == 2
        yield password
    finally:
        assay.script("bash", "-c", give, "_", "")


def rows_and_samples(assay: AssayStack) -> set[str]:
    """Names of samples, a line's genotypes, and whole lines, ids and accounts of a feed."""
    cohort = next(Path(assay.landing / "genomics").glob("*.vcf.gz"))
    with gzip.open(cohort, "rt") as lines:
        header = next(line for line in lines if line.startswith("#CHROM"))
        genotypes = next(lines).rstrip("\n").split("\t", 9)[9]
    canaries = set(header.split()[9:14]) | {genotypes[:60]}
    feed = next(Path(assay.landing / "finance").glob("*/*.csv"))
    for line in feed.read_text().splitlines()[1:6]:
        canaries |= {line, line.split(",")[0]} | {w for w in line.split(",") if "acct" in w}
    canaries = {canary for canary in canaries if len(canary) > 5}
    assert len(canaries) > 10
    return canaries


def test_no_secret_is_anywhere_but_in_its_readers_files(
    assay: AssayStack, webhook: Webhook, told_url: str
) -> None:
    listed = docker(
        "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", "10001:10001",
        "--volume", f"{assay.project}_secret_vault:/vault:ro", f"{assay.project}/dagster:built",
        "bash", "-c", "cd /vault && grep -h . dagster viewer migrator user_code alerter analyst",
    ).split()  # fmt: skip
    assert len(set(listed)) == 6
    assert all(SEARCHED_BY_THIS_BEGINNING.fullmatch(secret.encode()) for secret in listed)
    # Logins: what was typed, and how a browser sends it.
    assert assay.api.password
    listed += [told_url, assay.api.password, assay.api.authorization.removeprefix("Basic ")]
    for place, text in everything_told(assay, webhook).items():
        assert not any(secret in text for secret in listed), place


def test_nothing_that_is_secret_or_private_is_in_an_image(assay: AssayStack, told_url: str) -> None:
    private = [canary.encode() for canary in rows_and_samples(assay)]
    private += [told_url.encode(), assay.api.password.encode()]
    seen = 0
    for file, block in image_layers(assay.project):
        seen += len(block)
        assert not SEARCHED_BY_THIS_BEGINNING.search(block), file
        assert not [canary for canary in private if canary in block], file
    assert seen > 200_000_000, "all layers, unpacked"


def test_no_row_and_no_sample_is_in_logs_records_or_alerts(
    assay: AssayStack, webhook: Webhook
) -> None:
    canaries = rows_and_samples(assay)
    for place, text in everything_told(assay, webhook).items():
        assert [canary for canary in canaries if canary in text] == [], place


def test_a_secret_is_a_file_of_its_readers_alone(assay: AssayStack) -> None:
    readers = 0
    for container in containers(*assay.services()):
        facts = inspect(container)
        mounted = {mount["Destination"]: mount for mount in facts["Mounts"]}
        place = mounted.get("/run/assay-secrets")
        if place is None or not facts["State"]["Running"]:
            continue
        readers += 1
        assert place["RW"] is False
        *files, user = docker("exec", container, "bash", "-c", OWNED).splitlines()
        assert len(files) > 1
        for file in files:
            name, mode, owner = file.split()
            assert (mode, owner) == ("700" if name == "." else "600", user), (place["Name"], file)
    assert readers >= 7, "with Postgres, whose user is another"


# Volume by volume, of running services or not: every file with its mode and owner; whose passwords
# are in it. The superuser looks, who may do no more than that.
HELD = r"""
cd /held
find . -mindepth 1 -printf '%y %P %m %U\n'
for one in */pgpass; do echo "roles $one $(cut -d: -f4 $one | xargs)"; done
"""
MAKER = "10001"
PASSWORDS_OF = {
    "migrate": "dagster migrator",
    "migrate_warehouse": "migrator",
    "user_code": "dagster user_code",
    "run": "dagster user_code",
    **dict.fromkeys(("webserver", "daemon", "janitor"), "dagster"),
    **{role: role for role in ("viewer", "alerter", "analyst")},
}
FILES_OF = {
    **{reader: {"pgpass"} for reader in PASSWORDS_OF},
    "alerter": {"pgpass", "alert_urls"},
    "vault": {"dagster", "viewer", "migrator", "user_code", "alerter", "analyst"}
    | {"alert_urls", "verifiers.psql"},
    "verifiers": {"verifiers.psql"},
    "postgres": set(),  # by which the verifiers were handed over: they have been taken away
}


def test_every_volume_of_secrets_holds_what_is_meant_for_its_owner_alone(
    assay: AssayStack,
) -> None:
    begin = f"{assay.project}_secret_"
    volumes = docker("volume", "ls", "--quiet", "--filter", f"name={begin}").split()
    assert {name.removeprefix(begin) for name in volumes} == set(FILES_OF)
    mounts = [w for v in volumes for w in ("--volume", f"{v}:/held/{v.removeprefix(begin)}:ro")]
    told = docker(
        "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH",
        "--user", "0", *mounts, "--volume", f"{assay.project}_logins:/held/logins:ro",
        f"{assay.project}/dagster:built", "bash", "-euc", HELD,
    )  # fmt: skip
    postgres = docker("exec", str(assay.service("postgres")["Id"]), "id", "-u")
    files: dict[str, set[str]] = {}
    roles = {}
    for line in told.splitlines():
        kind, path, *facts = line.split()
        folder, _, name = path.partition("/")
        if kind == "roles":
            roles[folder] = " ".join(facts)
            continue
        owner = postgres if folder == "verifiers" else MAKER
        if kind == "d":
            assert name == "", path
            assert facts == ["770" if folder == "postgres" else "700", owner], path
            files[folder] = set()
        elif name != ".lock":  # nothing is in it
            assert (kind, *facts) == ("f", "600", owner), path
            files[folder].add(name)
    assert files.pop("logins") == {"users"}
    assert files == FILES_OF
    assert roles == PASSWORDS_OF


def test_a_rotated_password_is_used_at_once_and_nothing_is_restarted(assay: AssayStack) -> None:
    def state() -> list[str]:
        return [
            str(assay.service(n)["State"]["StartedAt"])
            for n in ("daemon", "webserver", "user_code")
        ]

    def verifier() -> list[list[str]]:
        return assay.psql(
            "select rolname, rolpassword from pg_authid where rolname in ('dagster','user_code')"
            " order by 1"
        )

    before, known = state(), verifier()
    said = assay.script("make", "rotate", "SECRET=dagster")
    said += assay.script("make", "rotate", "SECRET=user_code")
    assert "assay-secret-" not in said
    assert all(new != old for new, old in zip(verifier(), known, strict=True))
    assert state() == before
    # A new connection by the rotated password, from the daemon's own file.
    docker(
        "exec", str(assay.service("daemon")["Id"]), "python", "-c",
        "import psycopg2; from control_plane.settings import settings;"
        " psycopg2.connect(settings().dagster_dsn())",
    )  # fmt: skip
    assert assay.api.location()


CONNECTS = """
import psycopg2
from user_code.settings import settings
from user_code.shared.warehouse import Warehouse
dsn = settings().warehouse_dsn()
try:
    psycopg2.connect(dsn)
except psycopg2.OperationalError as error:
    print(error, flush=True)
Warehouse(dsn).now()
"""


def test_a_password_that_postgres_does_not_know_yet_is_tried_again(assay: AssayStack) -> None:
    """Between the two steps of a rotation: the file is new, Postgres has not been told."""
    postgres = str(assay.service("postgres")["Id"])
    assay.psql("alter role user_code password 'another than the one in the file'")
    try:
        with subprocess.Popen(
            ["docker", "exec", str(assay.service("user_code")["Id"]), "python", "-c", CONNECTS],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as connecting:  # fmt: skip
            assert connecting.stdout is not None
            assert "authentication failed" in connecting.stdout.readline()
            tell_postgres(postgres)
            said, _ = connecting.communicate(timeout=120)
            assert connecting.returncode == 0, said
    finally:
        tell_postgres(postgres)


def tell_postgres(container: str) -> None:
    """The second step of a rotation, as `make rotate` does it."""
    script = "/docker-entrypoint-initdb.d/10-assay.sh"
    docker("exec", "--user", "postgres", container, "bash", script)
