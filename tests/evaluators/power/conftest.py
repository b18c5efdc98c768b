"""A board over ssh, for the meters behind one."""

from tests.evaluators.device.conftest import board, sshd

__all__ = ["board", "sshd"]
