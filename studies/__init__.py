"""The committed studies, as data files: `latency`, `energy`, `fom`."""
