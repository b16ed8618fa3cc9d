"""One JupyterLab for all tests here; without a browser they are skipped."""

import pytest
from support.jupyterlab import lab_in


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    with lab_in(tmp_path_factory.mktemp("lab"), browser) as lab:
        yield lab
