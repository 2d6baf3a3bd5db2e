"""Secrets as files: made once, each reader its own, and Postgres none at all."""

from __future__ import annotations

import io
import os
import re
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from control_plane.scram import verifier, verifies
from control_plane.secret_files import GENERATED, READERS, ROLES, SecretError, SecretFiles
from control_plane.secrets_command import main

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path) -> SecretFiles:
    here = SecretFiles(tmp_path)
    assert set(here.keep()) == {*ROLES, "alert_urls"}
    return here


def passwords(tmp_path: Path, reader: str) -> dict[str, str]:
    lines = (tmp_path / reader / "pgpass").read_text().splitlines()
    return dict(line.split(":")[3:] for line in lines)


def test_they_are_long_random_and_each_its_own(files: SecretFiles) -> None:
    values = {files.get(role) for role in ROLES}
    assert len(values) == len(ROLES)
    assert all(GENERATED.fullmatch(value) for value in values)
    assert files.get("alert_urls") == ""


# Written down once more by hand: one role too many is a service that may too much.
MAY_BE = {
    "migrate": "dagster migrator",
    "migrate_warehouse": "migrator",
    "user_code": "dagster user_code",
    "run": "dagster user_code",
    "webserver": "dagster",
    "viewer": "viewer",
    "daemon": "dagster",
    "janitor": "dagster",
    "alerter": "alerter",
    "analyst": "analyst",
}


def test_a_reader_gets_its_own_and_no_other(files: SecretFiles, tmp_path: Path) -> None:
    for reader, roles in MAY_BE.items():
        assert passwords(tmp_path, reader) == {role: files.get(role) for role in roles.split()}
    assert set(READERS) == set(MAY_BE)
    assert sorted(p.name for p in tmp_path.rglob("alert_urls")) == ["alert_urls"] * 2


def test_its_user_alone_may_read_them_and_postgres_is_given_no_password(
    files: SecretFiles, tmp_path: Path
) -> None:
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
        if path.name == "verifiers.psql":
            assert not any(files.get(role) in text for role in ROLES)
        assert mode == (0o640 if path.parent.name == "postgres" else 0o600), path
    assert [p.name for p in (tmp_path / "postgres").iterdir()] == ["verifiers.psql"]
    # Postgres comes by the group, and takes it away.
    assert stat.S_IMODE((tmp_path / "postgres").stat().st_mode) == 0o770
    for folder in (*READERS, "vault"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


TAKES_OVER = REPOSITORY / "deploy/postgres/verifiers.sh"


def test_what_is_handed_over_becomes_its_readers_own_and_nothing_stays_behind(
    files: SecretFiles, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    own.chmod(0o3777)  # as the images' folder is
    handed_over = tmp_path / "postgres/verifiers.psql"

    def take_over() -> subprocess.CompletedProcess[str]:
        words = ["bash", str(TAKES_OVER), str(handed_over), str(own)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    text = handed_over.read_text()
    for _ in range(2):  # the second time there is nothing new
        assert take_over().returncode == 0
        assert not handed_over.exists()
        assert [p.name for p in own.iterdir()] == ["verifiers.psql"]
        assert (own / "verifiers.psql").read_text() == text
        assert stat.S_IMODE((own / "verifiers.psql").stat().st_mode) == 0o600
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
    files.keep()
    assert handed_over.read_text() == text, "the same, so that no password seems to be a new one"
    files.rotate("dagster")
    assert take_over().returncode == 0
    assert (own / "verifiers.psql").read_text() != text
    (own / "verifiers.psql").unlink()
    lacking = take_over()
    assert lacking.returncode == 1
    assert "none were handed over" in lacking.stderr


def test_where_one_user_reads_all_nothing_is_handed_over(tmp_path: Path) -> None:
    SecretFiles(tmp_path, {"embedded": ROLES}, hand_over=False).keep()
    assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*") if p.is_file()} == {0o600}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["embedded", "vault"]


def test_a_second_time_changes_nothing(files: SecretFiles, tmp_path: Path) -> None:
    def state() -> dict[Path, tuple[str, int]]:
        return {p: (p.read_text(), p.stat().st_ino) for p in tmp_path.rglob("*") if p.is_file()}

    before = state()
    assert files.keep() == []
    assert state() == before


def test_what_is_lost_comes_back_and_what_is_open_is_closed(
    files: SecretFiles, tmp_path: Path
) -> None:
    (tmp_path / "run/pgpass").unlink()
    (tmp_path / "daemon/pgpass").chmod(0o644)
    files.keep()
    assert passwords(tmp_path, "run")["user_code"] == files.get("user_code")
    assert stat.S_IMODE((tmp_path / "daemon/pgpass").stat().st_mode) == 0o600


def test_a_rotated_password_reaches_its_readers_and_the_verifiers_and_no_other_changes(
    files: SecretFiles, tmp_path: Path
) -> None:
    before = {role: files.get(role) for role in ROLES}
    files.rotate("dagster")
    after = {role: files.get(role) for role in ROLES}
    assert {role for role in ROLES if after[role] != before[role]} == {"dagster"}
    assert passwords(tmp_path, "webserver") == {"dagster": after["dagster"]}
    text = (tmp_path / "postgres/verifiers.psql").read_text()
    known = dict(re.findall(r"^\\set (\w+)_password '(.*)'$", text, re.MULTILINE))
    assert all(verifies(known[role], after[role]) for role in ROLES)
    assert not verifies(known["dagster"], before["dagster"])


@pytest.mark.parametrize("password", ["secret", 'it\'s: a \\ "word"', "x" * 100])
def test_a_real_server_takes_our_verifiers_and_libpq_our_password_files(
    postgres_environment: dict[str, str], tmp_path: Path, password: str
) -> None:
    """The tests' own server trusts nobody but its superuser's socket for this role."""
    host, port = postgres_environment["ASSAY_PG_HOST"], postgres_environment["ASSAY_PG_PORT"]
    files = SecretFiles(tmp_path, {"analyst": ("analyst",)})
    files.keep()
    files.set("analyst", password)
    (line,) = (tmp_path / "analyst/pgpass").read_text().splitlines()
    known = verifier(password, b"0123456789abcdef", 4096)
    superuser = {"host": host, "port": port, "user": "postgres"}
    with closing(psycopg2.connect(dbname="postgres", **superuser)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE scram_probe PASSWORD %s", (known,))
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_probe'")
            # Kept as it is: the server took it for a verifier, not for a password to be hashed.
            assert cursor.fetchone() == (known,)
            # Its own opinion of the same password, salt and number of iterations.
            cursor.execute("SET password_encryption = 'scram-sha-256'")
            cursor.execute("ALTER ROLE scram_probe PASSWORD %s", (password,))
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_probe'")
            (theirs,) = cursor.fetchone()
            cursor.execute("DROP ROLE scram_probe")
    assert verifies(theirs, password)
    assert not verifies(theirs, password + "x")
    assert line == "*:*:*:analyst:" + password.replace("\\", "\\\\").replace(":", "\\:")


@pytest.mark.parametrize("iterations", ["1", "1x"])
@pytest.mark.parametrize("salt", ["AAAA", "ä"])
@pytest.mark.parametrize("keys", ["AAAA:AAAA", "ä"])
def test_a_damaged_verifier_is_one_of_no_password(iterations: str, salt: str, keys: str) -> None:
    assert not verifies(f"SCRAM-SHA-256${iterations}:{salt}${keys}", "secret")


@pytest.mark.parametrize("chosen", ["secret", f"{'0b' * 32}x", f"x{'0b' * 32}"])
def test_a_password_that_somebody_chose_is_slow_to_guess_from_its_verifier(
    files: SecretFiles, tmp_path: Path, chosen: str
) -> None:
    files.set("analyst", chosen)
    text = (tmp_path / "postgres/verifiers.psql").read_text()
    found = re.findall(r"(\w+)_password 'SCRAM-SHA-256\$(\d+):[A-Za-z0-9+/]{22}==\$", text)
    assert dict(found) == dict.fromkeys(ROLES, "1") | {"analyst": "4096"}


def test_services_passwords_cannot_be_chosen_and_nothing_of_them_is_said(
    files: SecretFiles,
) -> None:
    for chosen in ("hunter2", f"{'0b' * 32}hunter2", f"hunter2{'0b' * 32}"):
        with pytest.raises(SecretError, match="rotate SECRET=dagster") as refused:
            files.set("dagster", chosen)
        assert "hunter2" not in str(refused.value)
    for unusable in ("pässword", "", "two\nlines"):
        with pytest.raises(SecretError, match="analyst: a password must be printable ASCII"):
            files.set("analyst", unusable)
    with pytest.raises(SecretError, match="no secret of ours"):
        files.set("../../etc/passwd", "x")
    with pytest.raises(SecretError, match="one of dagster"):
        files.rotate("../x")


def test_alert_urls_are_for_the_alerter_alone(files: SecretFiles, tmp_path: Path) -> None:
    files.keep()
    handed_over = tmp_path / "postgres/verifiers.psql"
    handed_over.unlink()  # as whoever takes it
    files.set("alert_urls", "json://one\njson://two\n")
    assert (tmp_path / "alerter/alert_urls").read_text() == "json://one json://two"
    assert not handed_over.exists(), "nobody would take it away"
    files.keep()
    assert (tmp_path / "alerter/alert_urls").read_text() == "json://one json://two"


def test_an_older_env_files_passwords_are_kept_unless_everybody_knows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = {"dagster": "0b" * 32, "analyst": "of-people", "migrator": "hunter2"}
    lines = [f"ASSAY_{role.upper()}_PASSWORD={value}" for role, value in old.items()]
    lines += ["ASSAY_POSTGRES_PASSWORD=" + "c" * 64, "ASSAY_USER_CODE_PASSWORD=example-user-code"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert main(["carry-over"], tmp_path) == 0
    files = SecretFiles(tmp_path)
    assert files.get("dagster") == old["dagster"]
    assert files.get("analyst") == "of-people"
    assert files.get("user_code").startswith("assay-secret-")
    assert files.get("migrator").startswith("assay-secret-")
    said = capsys.readouterr()
    assert "kept dagster, analyst" in said.out
    assert not any(value in said.out + said.err for value in old.values())


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vault").write_text("a file where a folder should be")
    assert main(["keep"], tmp_path) == 1
    assert str(tmp_path / "vault") in capsys.readouterr().err


def test_the_command_shows_what_people_need_and_only_on_request(
    files: SecretFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keep"], tmp_path) == 0
    assert main(["rotate", "all"], tmp_path) == 0
    assert not GENERATED.search("".join(capsys.readouterr()))
    assert main(["show", "analyst"], tmp_path) == 0
    assert capsys.readouterr().out.strip() == files.get("analyst")
    assert main(["show", "nothing"], tmp_path) == 1


def test_an_interrupted_write_leaves_no_half_secret(
    files: SecretFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files.get("dagster")

    def cut(descriptor: int) -> None:
        assert os.fstat(descriptor).st_size > 0, "what is made durable is all of it"
        raise OSError(28, "No space left on device", "a file")

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(OSError, match="No space"):
        files.rotate("dagster")
    monkeypatch.undo()
    assert files.get("dagster") == before
    files.rotate("dagster")
    assert files.get("dagster") != before
