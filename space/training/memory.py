"""Memory: what is free of that of an accelerator."""

import torch


def free_bytes(device: torch.device) -> int | None:
    """None where it has no memory of its own."""
    if device.type != "cuda":
        return None
    # What this process keeps for later use is free for others, too, once it is given back.
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info()[0]
