"""Memory: what is free of that of an accelerator."""

import torch


def free_bytes(device: torch.device) -> int | None:
    """None where it has no memory of its own."""
    return torch.cuda.mem_get_info()[0] if device.type == "cuda" else None
