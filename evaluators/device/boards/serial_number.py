"""Serial numbers: which board measured, told to others by a digest."""

import hashlib

_PREFIX = "sha256:"


def hashed(serial: str) -> str:
    """The digest that stands for a board's serial number; of what is a digest already, itself."""
    if not serial or serial.startswith(_PREFIX):
        return serial
    return _PREFIX + hashlib.sha256(serial.encode()).hexdigest()[:12]
