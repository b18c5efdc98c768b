"""Decompression with a limit: a few bytes may stand for a billion."""

import zlib


def decompressed(content: bytes, limit_bytes: int) -> bytes:
    """ValueError where it is more than the limit, or not whole."""
    stream = zlib.decompressobj()
    try:
        whole = stream.decompress(content, limit_bytes)
    except zlib.error as error:
        raise ValueError(f"compressed content is damaged: {error}") from error
    if stream.unconsumed_tail:
        raise ValueError(f"compressed content stands for more than {limit_bytes / 1e6:.0f} MB")
    if not stream.eof:
        raise ValueError("compressed content is cut short")
    return whole
