"""The file of logins: generated passwords, roles, and nothing that another file could mean."""

import re
import stat
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
