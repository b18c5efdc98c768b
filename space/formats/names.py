"""Names: what a recipe says where it says nothing."""

# The runtime that every recipe was made for before there was a choice.
DEFAULT_RUNTIME = "onnxruntime"
