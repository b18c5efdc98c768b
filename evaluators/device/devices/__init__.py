"""Devices, one file each: this machine, a board over ssh, a recording."""
