"""Studies, samplers, pipeline, store, ranking and the command line."""
