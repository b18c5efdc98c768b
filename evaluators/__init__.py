"""How a candidate is scored: accuracy, latency, memory, power and energy."""
