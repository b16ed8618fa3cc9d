"""Attempts in worker processes of this machine."""
