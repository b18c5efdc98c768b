"""The board over ssh is for all who measure on one."""

from tests.evaluators.device.conftest import board, device, quick, sshd

__all__ = ["board", "device", "quick", "sshd"]
