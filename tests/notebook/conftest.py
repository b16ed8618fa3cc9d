"""IPython's own shell, with the magics."""

import pytest
from IPython import get_ipython
from IPython.testing.globalipapp import start_ipython


@pytest.fixture(scope="session")
def ipython():
    # None if the process has a shell already
    shell = start_ipython()
    if shell is None:
        shell = get_ipython()

    shell.run_line_magic("load_ext", "attune_nb")
    return shell
