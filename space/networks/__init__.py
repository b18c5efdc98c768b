"""The networks that can be compressed, one file each, their prunable units named."""
