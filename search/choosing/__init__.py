"""Trial -> recipe, and back: studies, samplers, and what they learn from."""
