"""What runs a deployed file on the host."""
