"""Where a model runs: this machine, or a board."""
