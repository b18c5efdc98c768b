"""A cluster's workers as an executor, on dask.distributed: it knows who is there and who has what; this hands over."""
