"""One JupyterLab and one browser for all tests here; without a browser they are skipped."""

import os

import pytest
from playwright.sync_api import expect
from support.jupyterlab import chromium, lab_in

# other tests may run on the machine at the same time
expect.set_options(timeout=90_000)


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    if chromium() is None:
        assert not os.environ.get("CI"), "there is no chromium, and this is CI"
        pytest.skip("there is no chromium here: `apt-get install chromium`")

    with lab_in(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
