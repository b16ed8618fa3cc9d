"""IPython's own shell, with the magics."""

import pytest
from IPython.testing.globalipapp import start_ipython


@pytest.fixture(scope="session")
def ipython():
    shell = start_ipython() or get_ipython()  # noqa: F821 - IPython's own builtin
    shell.run_line_magic("load_ext", "attune_nb")
    return shell
