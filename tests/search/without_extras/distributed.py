"""In the place of what the extra [cluster] brings: nothing imports it that was not asked for a cluster."""

raise ImportError("distributed was imported without its extra")
