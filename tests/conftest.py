"""No test leaves a record behind where it runs, unless it says so."""

import os

os.environ["ATTUNE_NB_STORE"] = "none"  # kernels and commands that a test starts inherit it
