"""What each database role may do, and how it comes in."""

import subprocess

import pytest
from assay_stack import AssayStack

pytestmark = pytest.mark.usefixtures("samples_done")

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


def test_a_role_is_no_superuser_nor_a_member_of_another_and_its_password_is_hashed(
    assay: AssayStack,
) -> None:
    roles = assay.psql(
        "select rolname, rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
        " from pg_roles where rolcanlogin order by 1"
    )
    ours = ["alerter", "analyst", "dagster", "migrator", "user_code", "viewer"]
    assert roles == sorted([*([role, "f"] for role in ours), ["postgres", "t"]])
    kept = assay.psql("select distinct left(rolpassword, 14) from pg_authid where rolcanlogin")
    assert kept == [["SCRAM-SHA-256$"]]
    # Before its rights are asked for: an analyst's long query that writes is refused at once.
    settings = assay.psql(
        "select setrole::regrole, setconfig from pg_db_role_setting where setrole > 0"
    )
    assert settings == [["analyst", "{default_transaction_read_only=on}"]]
    members = "select count(*) from pg_auth_members where member::regrole::text = any"
    assert assay.psql(f"{members}('{{{','.join(ours)}}}')") == [["0"]]


# By role and place: what it may do there, whoever it was granted to, the public too; not what is
# its own. A domain's tables are one place: one of them with other rights gives it a second row.
RIGHTS = """
with roles as (select oid as role, rolname from pg_roles where rolcanlogin and not rolsuper),
schemas as (
  select oid as schema, nspname, nspowner from pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'),
found (rolname, place, thing, kind, may) as (
  select rolname, 'database', oid, kind, has_database_privilege(role, oid, kind)
  from roles, pg_database, unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) as kind
  where datname = current_database() and role <> datdba
  union all
  select rolname, 'schema ' || nspname, schema, kind, has_schema_privilege(role, schema, kind)
  from roles, schemas, unnest(array['CREATE', 'USAGE']) as kind
  where not pg_has_role(role, nspowner, 'USAGE')
  union all
  select rolname,
    nspname || '.' || case when nspname = 'ops' or relname = 'migrations' then relname else '*' end,
    oid, kind, has_table_privilege(role, oid, kind)
      or kind in ('INSERT', 'REFERENCES', 'SELECT', 'UPDATE')
      and has_any_column_privilege(role, oid, kind)
  from roles, schemas join pg_class on relnamespace = schema, unnest(array['DELETE', 'INSERT',
    'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) as kind
  where relkind in ('r', 'p', 'v', 'm', 'f') and role <> relowner
  union all
  select rolname, 'sequences of ' || nspname, oid, kind, has_sequence_privilege(role, oid, kind)
  from roles, schemas join pg_class on relnamespace = schema,
    unnest(array['SELECT', 'UPDATE', 'USAGE']) as kind
  where relkind = 'S' and role <> relowner
  union all
  select rolname, nspname || '.' || proname, oid, 'EXECUTE',
    has_function_privilege(role, oid, 'EXECUTE') and has_schema_privilege(role, schema, 'USAGE')
  from roles, schemas join pg_proc on pronamespace = schema
  where role <> proowner and prorettype <> 'trigger'::regtype
  union all
  select pg_get_userbyid(owner), 'all that is there', 0::oid, 'OWNER', true from (
    select nspowner from schemas where nspname <> 'public'
    union select relowner from schemas join pg_class on relnamespace = schema
    union select proowner from schemas join pg_proc on pronamespace = schema) as owners (owner)
  union all
  select grantee::regrole::text, 'what ' || defaclrole::regrole || ' will make', pg_default_acl.oid,
    privilege_type, true
  from pg_default_acl, aclexplode(defaclacl) where grantee <> defaclrole)
select distinct rolname, place,
  coalesce(string_agg(kind, ' ' order by kind) filter (where may), 'nothing')
from found group by rolname, place, thing order by 1, 2, 3
"""
ROWS = "INSERT SELECT UPDATE"
DOMAINS = ("finance", "genomics", "shared")


def rights_in_the_domains(on_rows: str) -> dict[str, str]:
    """What a role that works with results may do in the domains' schemas."""
    return {
        **{f"schema {domain}": "USAGE" for domain in DOMAINS},
        **{f"{domain}.*": on_rows for domain in DOMAINS},
        **{f"{domain}.migrations": "SELECT" for domain in DOMAINS},
        "finance.plain_cell": "EXECUTE",  # text in, text out
    }


MAY = {
    "warehouse": {
        "alerter": {
            "database": "CONNECT",
            "schema ops": "USAGE",
            **{f"ops.{table}": ROWS for table in ("alerts", "alert_deliveries")},
            "ops.alert_transitions": ROWS,
            "ops.partition_commits": "SELECT",
        },
        "analyst": {
            "database": "CONNECT",
            "schema ops": "USAGE",
            **{f"ops.{table}": "SELECT" for table in ("alerts", "alert_transitions")},
            "ops.partition_commits": "SELECT",
            **rights_in_the_domains("SELECT"),
        },
        # It calls one function there, and reads or writes no table.
        "dagster": {
            "database": "CONNECT",
            "schema ops": "USAGE",
            "ops.report_refusal": "EXECUTE",
        },
        "user_code": {
            "database": "CONNECT TEMPORARY",
            "schema ops": "USAGE",
            "ops.alerts": ROWS,
            "ops.partition_commits": ROWS,
            **rights_in_the_domains(f"DELETE {ROWS}"),
        },
        "migrator": {"all that is there": "OWNER"},
    },
    "dagster": {
        "dagster": {"all that is there": "OWNER"},
        "viewer": {"database": "CONNECT", "public.*": "SELECT", "what dagster will make": "SELECT"},
    },
}


@pytest.mark.parametrize("database", MAY)
def test_a_role_has_the_rights_that_are_written_down_and_no_other(
    assay: AssayStack, database: str
) -> None:
    found: dict[str, dict[str, str]] = {}
    for role, place, rights in assay.psql(RIGHTS, database):
        mine = found.setdefault(role, {})
        mine[place] = f"{mine[place]}, or {rights}" if place in mine else rights
    # Postgres' own gift to everybody, which holds nothing of ours.
    for mine in found.values():
        assert mine.pop("schema public", "") in ("", "USAGE")
    held = {
        role: {place: rights for place, rights in mine.items() if rights != "nothing"}
        for role, mine in found.items()
    }
    assert {role: mine for role, mine in held.items() if mine} == MAY[database]


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
