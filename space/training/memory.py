"""Memory: what is free of that of an accelerator."""

import torch


def free_bytes(device: torch.device) -> int | None:
    """Free memory of the device; None where it has no memory of its own."""
    if device.type != "cuda":
        return None
    # What this process keeps for later use is free for others, too, once it is given back.
    give_back(device)
    return torch.cuda.mem_get_info()[0]


def give_back(device: torch.device) -> None:
    """Gives others what this process keeps for later use: one that times a training does not train."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
