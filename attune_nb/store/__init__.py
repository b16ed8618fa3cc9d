"""The record of runs: events to SQLite and back."""
