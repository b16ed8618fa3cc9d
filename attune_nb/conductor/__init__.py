"""What happens next. Pure: no I/O, no clock, no thread, no randomness."""
