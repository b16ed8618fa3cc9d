"""Artifacts: files and progress that pack actions leave behind."""
