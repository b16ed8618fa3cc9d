"""The meaning of a workflow as a pure state machine: no I/O, clock, thread or randomness."""
