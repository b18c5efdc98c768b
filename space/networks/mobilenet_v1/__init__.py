"""MobileNet-v1."""
