"""Attempts in threads of this process, and in one event loop."""
