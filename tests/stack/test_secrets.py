"""Secrets and data searched for where they must not be, and what each database role may do."""

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
    # What it was handed over by has been taken away.
    left = docker(
        "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", "10001:10001",
        "--volume", f"{assay.project}_secret_postgres:/s:ro", f"{assay.project}/dagster:built",
        "ls", "-A", "/s",
    )  # fmt: skip
    assert left == ""


FORBIDDEN = {
    "user_code": [
        "delete from ops.alerts", "truncate ops.alerts", "delete from ops.partition_commits",
        "select * from ops.alert_deliveries", "create table finance.x (a int)",
        "drop table finance.daily_summary", "insert into finance.migrations values ('x')",
        "create schema x", "set role migrator", "select pg_read_file('/etc/passwd')",
        "copy (select 1) to program 'id'", "alter role user_code superuser",
        "select rolpassword from pg_authid",
    ],
    "alerter": [
        "select * from finance.daily_summary", "delete from ops.alerts", "create schema x",
        "update ops.partition_commits set run_id = ''", "set role user_code",
    ],
    "analyst": [
        "insert into finance.migrations values ('x')", "delete from finance.daily_summary",
        "update ops.alerts set count = 1", "create table x (a int)",
        "set default_transaction_read_only = off; delete from genomics.sample_qc",
        "select * from ops.alert_deliveries", "create temporary table x (a int)",
    ],
    "migrator": ["create role x", "set role dagster", "copy (select 1) to program 'id'"],
    # Of Dagster's own database: what a viewer's web server could do there.
    "viewer": [
        "insert into runs (run_id, status) values ('x', 'QUEUED')",
        "update runs set status = 'SUCCESS'", "update run_tags set value = 'x'",
        "delete from event_logs", "truncate event_logs",
        "update instigators set status = 'STOPPED'",
        "update asset_keys set cached_status_data = ''", "update kvs set value = 'x'",
        "insert into bulk_actions (key, status, timestamp) values ('x', 'REQUESTED', now())",
        "create table x (a int)", "drop table runs", "create schema x", "set role dagster",
        "create temporary table x (a int)", "alter role viewer superuser",
    ],
}  # fmt: skip


@pytest.mark.parametrize("role", sorted(FORBIDDEN))
def test_a_role_may_not_do_what_is_not_its_work(assay: AssayStack, role: str) -> None:
    for statement in FORBIDDEN[role]:
        with pytest.raises(AssertionError, match=r"permission denied|must be|read-only|may"):
            assay.psql(
                f"begin; set local session authorization {role}; {statement}; rollback",
                "dagster" if role == "viewer" else "warehouse",
            )


def test_the_viewers_server_is_the_role_that_reads_and_its_file_has_no_other(
    assay: AssayStack,
) -> None:
    viewer = str(assay.service("viewer")["Id"])
    assert docker("exec", viewer, "cut", "-d:", "-f4", "/run/assay-secrets/pgpass") == "viewer"
    granted = assay.psql(
        "select privilege_type, count(*) > 10 from information_schema.role_table_grants"
        " where grantee = 'viewer' group by 1",
        "dagster",
    )
    assert granted == [["SELECT", "t"]]
    unread = assay.psql(
        "select tablename from pg_tables where schemaname = 'public' and not"
        " has_table_privilege('viewer', schemaname || '.' || quote_ident(tablename), 'select')",
        "dagster",
    )
    assert unread == []


def test_what_the_catalogue_grants_is_what_is_written_down(assay: AssayStack) -> None:
    roles = assay.psql(
        "select rolname, rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
        " from pg_roles where rolcanlogin order by 1"
    )
    ours = ["alerter", "analyst", "dagster", "migrator", "user_code", "viewer"]
    assert roles == sorted([*([role, "f"] for role in ours), ["postgres", "t"]])
    kept = assay.psql("select distinct left(rolpassword, 14) from pg_authid where rolcanlogin")
    assert kept == [["SCRAM-SHA-256$"]]
    members = "select count(*) from pg_auth_members where member::regrole::text = any"
    assert assay.psql(f"{members}('{{{','.join(ours)}}}')") == [["0"]]
    granted = assay.psql(
        "select grantee, table_name, string_agg(privilege_type, ' ' order by privilege_type)"
        " from information_schema.role_table_grants where table_schema = 'ops'"
        " and grantee = 'user_code' group by 1, 2 order by 2"
    )
    rows = "INSERT SELECT UPDATE"
    assert granted == [["user_code", "alerts", rows], ["user_code", "partition_commits", rows]]
    others = assay.psql(
        "select distinct privilege_type from information_schema.role_table_grants"
        " where grantee = 'analyst'"
    )
    assert others == [["SELECT"]]
    dagster = assay.psql(
        "select rolname from pg_roles where rolcanlogin and not rolsuper"
        " and has_database_privilege(rolname, 'dagster', 'connect') order by 1"
    )
    assert dagster == [["dagster"], ["viewer"]]


def test_the_superuser_comes_in_by_the_socket_alone_and_others_need_their_password(
    assay: AssayStack,
) -> None:
    postgres = str(assay.service("postgres")["Id"])
    for role, host in (("postgres", "127.0.0.1"), ("dagster", "127.0.0.1"), ("analyst", "")):
        done = subprocess.run(
            ["docker", "exec", "--env", "PGPASSWORD=guessed", postgres, "psql", "-U", role,
             "-d", "postgres", *(["-h", host] if host else []), "-c", "select 1"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0, role
        assert "rejects connection" in done.stderr or "authentication failed" in done.stderr


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
