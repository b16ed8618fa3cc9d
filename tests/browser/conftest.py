"""One JupyterLab for all tests here; without a browser they are skipped."""

import pytest
from support.jupyterlab import lab_in


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """Yield a JupyterLab for all modules, each of which has a browser of its own."""
    with lab_in(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def lab(browser, lab_server):
    """Yield the JupyterLab, with the browser of the module."""
    lab_server.browser = browser
    yield lab_server
    lab_server.browser = None
