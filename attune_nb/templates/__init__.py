"""Strings to compiled templates to values. Pure: no I/O, no clock."""
