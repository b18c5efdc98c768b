"""Boards with a name: in the user's own configuration, read strictly."""

from pathlib import Path

import pytest

from evaluators.device.boards.names import boards_file, read_boards
from evaluators.device.devices.choose import open_device
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.ssh.address import Address
from search.commands.exit_status import OK, REQUEST
from space.errors import RequestError
from tests.search.user import User


def test_a_name_stands_for_its_address(user: User) -> None:
    assert user.types("devices", "add", "pi3", "pi@raspberrypi.local:2222")[0] == OK
    assert read_boards() == {"pi3": Address("raspberrypi.local", "pi", 2222)}
    assert isinstance(open_device("pi3"), SshDevice)


def test_the_names_are_listed(user: User) -> None:
    for name in ("pi5", "my.pi-3"):
        user.types("devices", "add", name, f"pi@{name}")
    assert user.types("devices", "list")[1] == "my.pi-3  pi@my.pi-3\npi5  pi@pi5\n"


def test_a_name_that_is_removed_is_forgotten(user: User) -> None:
    user.types("devices", "add", "pi3", "pi@host")
    assert user.types("devices", "remove", "pi3")[0] == OK
    assert read_boards() == {}
    assert user.types("devices", "remove", "pi3")[0] == REQUEST


def test_they_lie_in_the_users_configuration(user: User) -> None:
    assert boards_file() == user.home / ".config" / "ondevice-search" / "boards.toml"


def test_the_place_of_configurations_may_be_elsewhere(user: User, tmp_path: Path) -> None:
    user.monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    user.types("devices", "add", "pi3", "pi@host")
    assert (tmp_path / "elsewhere" / "ondevice-search" / "boards.toml").is_file()
    assert not (user.home / ".config").exists()


@pytest.mark.parametrize("name", ["local", "replay", "ssh", "replay:x", "pi@host", "", "a b", "-x", "ä"])
def test_a_name_that_means_something_else_is_refused(user: User, name: str) -> None:
    assert user.types("devices", "add", "--", name, "pi@host")[0] == REQUEST
    assert read_boards() == {}


def test_a_name_is_not_given_to_another_board(user: User) -> None:
    user.types("devices", "add", "pi3", "pi@host")
    status, _, err = user.types("devices", "add", "pi3", "pi@other")
    assert status == REQUEST
    assert "pi3 is pi@host already" in err


def test_an_unknown_device_is_answered_with_the_names(user: User) -> None:
    user.types("devices", "add", "pi3", "pi@host")
    status, _, err = user.types("--device", "pi33", "--dry-run")
    assert status == REQUEST
    assert "boards with a name: pi3" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[pi3]\nadress = "pi@host"', "adress of [pi3] is not a key"),
        ("[pi3]", "[pi3] has no address"),
        ('pi3 = "pi@host"', "pi3 is not a key; a board is [NAME]"),
        ('[pi3]\naddress = "pi@"', "[pi3]: board 'pi@'"),
        ('[local]\naddress = "pi@host"', "'local' is reserved"),
        ("[pi3", "is not a TOML file"),
    ],
)
def test_a_slip_in_the_file_is_named_with_the_file(user: User, text: str, message: str) -> None:
    boards_file().parent.mkdir(parents=True)
    boards_file().write_text(text)
    with pytest.raises(RequestError) as refused:
        read_boards()
    assert message in str(refused.value)
    assert str(boards_file()) in str(refused.value)
