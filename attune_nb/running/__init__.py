"""Start, record, resume, fork and look up the runs of workflows."""
