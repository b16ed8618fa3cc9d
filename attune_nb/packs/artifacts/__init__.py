"""Artifacts: the files, progress and addresses that pack actions store beside a run."""
