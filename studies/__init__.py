"""The committed studies, as data files: the searches `latency`, `energy`, `fom`, the grids `m1`, `m2`."""
