"""Which board over ssh, as the user writes it."""

import pytest

from evaluators.device.ssh.address import Address
from space.errors import RequestError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("raspberrypi", Address("raspberrypi")),
        ("pi@raspberrypi.local", Address("raspberrypi.local", "pi")),
        ("pi@10.0.0.7:2222", Address("10.0.0.7", "pi", 2222)),
        ("board_2:22", Address("board_2", None, 22)),
        ("[::1]:2222", Address("::1", None, 2222)),
        ("pi@[fe80::1%eth0]:22", Address("fe80::1%eth0", "pi", 22)),
        ("pi@fe80::1", Address("fe80::1", "pi")),
    ],
)
def test_an_address_is_read_and_given_back(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text


def test_brackets_without_a_port_may_be_left_out() -> None:
    assert str(Address.parse("pi@[::1]")) == "pi@::1"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("pi@", "''"),
        ("@host", "''"),
        ("-oProxyCommand=reboot", "-oProxy"),
        ("-l@host", "'-l'"),
        ("a b@host", "'a b'"),
        ("pi@ho/st", "ho/st"),
        ("host:", "port ''"),
        ("host:ssh", "'ssh'"),
        ("host:0", "'0'"),
        ("host:65536", "65536"),
        ("[::1", r"\[::1"),
        ("[]:22", "''"),
        ("1::2::3", "1::2::3"),
        ("host\n", "host"),
    ],
)
def test_nonsense_is_named_and_answered_with_what_is_valid(text: str, named: str) -> None:
    with pytest.raises(RequestError, match=named) as refused:
        Address.parse(text)
    assert "user@host:port" in str(refused.value)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(RequestError, match="keys or agent") as refused:
        Address.parse("pi:raspberry@host")
    assert "raspberry" not in str(refused.value)
