"""The file of logins: generated passwords, roles, and nothing that another file could mean."""

import fcntl
import os
import re
import stat
import threading
from pathlib import Path

import bcrypt
import pytest

from control_plane.logins import LoginError, Logins, generated_password, main


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    (tmp_path / "logins").mkdir()
    return Logins(tmp_path / "logins")


def fits(logins: Logins, name: str, password: str) -> bool:
    (login,) = [one for one in logins.all() if one.name == name]
    return bcrypt.checkpw(password.encode(), login.password_hash.encode())


def test_a_password_is_random_long_and_readable() -> None:
    made = {generated_password() for _ in range(200)}
    assert len(made) == 200
    # 25 letters of 32: 125 bits; 100 are the least.
    assert all(re.fullmatch(r"([2-9a-km-np-z]{5}-){4}[2-9a-km-np-z]{5}", one) for one in made)
    assert len(set("".join(made)) - {"-"}) == 32


def test_a_login_is_a_hash_that_fits_and_the_password_is_nowhere(logins: Logins) -> None:
    password = logins.add("anna", "viewer")
    assert fits(logins, "anna", password)
    assert not fits(logins, "anna", password[:-1])
    assert password not in logins.file.read_text()
    assert re.fullmatch(r"anna viewer \$2b\$10\$\S{53}\n", logins.file.read_text())
    assert stat.S_IMODE(logins.file.stat().st_mode) == 0o600


def test_the_first_login_is_made_once(logins: Logins) -> None:
    password = logins.first()
    assert password is not None
    assert fits(logins, "admin", password)
    assert logins.first() is None
    logins.init()
    assert [(one.name, one.role) for one in logins.all()] == [("admin", "admin")]


def test_the_file_is_there_before_any_login_and_stays_as_it_is(logins: Logins) -> None:
    logins.init()
    assert (logins.file.read_text(), stat.S_IMODE(logins.file.stat().st_mode)) == ("", 0o600)
    before = logins.file.stat().st_ino
    logins.init()
    assert logins.file.stat().st_ino == before, "the gateway has nothing to read again"


def test_a_new_password_ends_the_old_one_and_a_removed_login_is_gone(logins: Logins) -> None:
    old = logins.add("anna", "admin")
    new = logins.new_password("anna")
    assert fits(logins, "anna", new)
    assert not fits(logins, "anna", old)
    assert [one.role for one in logins.all()] == ["admin"]
    logins.remove("anna")
    assert logins.all() == []
    with pytest.raises(LoginError, match="no login 'anna'"):
        logins.remove("anna")


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\nb admin x", "{$HOME}", "import", "default", "a:b", "ä", "-a", "a" * 65, '"'],
)
def test_a_name_means_nothing_to_the_gateways_configuration(logins: Logins, name: str) -> None:
    with pytest.raises(LoginError, match="no name"):
        logins.add(name, "admin")


def test_an_unknown_role_and_a_taken_name_are_refused(logins: Logins) -> None:
    with pytest.raises(LoginError, match="no role 'root'"):
        logins.add("anna", "root")
    logins.add("anna", "viewer")
    with pytest.raises(LoginError, match="there already, as viewer"):
        logins.add("anna", "admin")


def test_the_command_shows_the_password_once(
    logins: Logins, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_ROOT", str(logins.file.parents[1]))
    assert main(["add", "vera", "viewer"]) == 0
    shown = re.search(r"password +(\S+)", capsys.readouterr().out)
    assert shown
    assert fits(logins, "vera", shown[1])
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "viewer   vera\n"
    assert main(["add", "vera", "viewer"]) == 1
    assert main(["nonsense"]) == 2
    capsys.readouterr()
    assert main(["password", "vera"]) == 0
    again = re.search(r"password +(\S+)", capsys.readouterr().out)
    assert again
    assert fits(logins, "vera", again[1])
    assert main(["remove", "vera"]) == 0
    assert logins.all() == []
    assert main(["first"]) == 0
    (name, password) = capsys.readouterr().out.splitlines()[-1].split()
    assert fits(logins, name, password)
    logins.file.unlink()
    assert main(["init"]) == 0
    assert logins.file.exists()


def test_one_change_waits_for_another(logins: Logins) -> None:
    with (logins.file.parent / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        adding = threading.Thread(target=logins.add, args=("anna", "viewer"), daemon=True)
        adding.start()
        adding.join(timeout=0.3)
        assert adding.is_alive()
        assert logins.all() == []
    adding.join(timeout=30)
    assert [one.name for one in logins.all()] == ["anna"]


def test_a_change_that_was_cut_off_leaves_the_logins_and_stops_no_other(
    logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins.add("anna", "admin")

    def cut(descriptor: int) -> None:
        assert os.fstat(descriptor).st_size > 0, "what is made durable is all of it"
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", cut)
        with pytest.raises(OSError, match="No space"):
            logins.add("vera", "viewer")
    assert [one.name for one in logins.all()] == ["anna"]
    logins.add("vera", "viewer")
    assert [one.name for one in logins.all()] == ["anna", "vera"]
