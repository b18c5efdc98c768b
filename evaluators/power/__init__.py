"""How electrical power is read, and how it becomes energy."""
