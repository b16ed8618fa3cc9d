"""Settings by which JupyterLab shows the runs of the server, and nbconvert colours workflows."""

from types import SimpleNamespace

import pytest
from nbconvert.preprocessors import HighlightMagicsPreprocessor
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from attune_nb.server.jupyterlab import configure_jupyterlab


@pytest.fixture
def server():
    web_app = SimpleNamespace(settings={})
    return SimpleNamespace(web_app=web_app, base_url="/user/ann/", config=Config())


def language_of(cell, config):
    """Return the language in which nbconvert colours a cell, or None for that of the notebook."""
    notebook = new_notebook(cells=[new_code_cell(cell)])
    preprocessor = HighlightMagicsPreprocessor(config=config)
    notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook.cells[0].metadata.get("magics_language")


def test_jupyterlab_learns_where_the_page_is(server):
    server.web_app.settings["page_config_data"] = {"token": "x"}
    configure_jupyterlab(server)
    options = server.web_app.settings["page_config_data"]
    assert options == {"token": "x", "attuneUrl": "/user/ann/attune"}


def test_exported_notebooks_colour_workflows(server):
    configure_jupyterlab(server)
    assert language_of("%%attune\ntasks: []", server.config) == "attune"
    assert language_of("%%bash\nls", server.config) == "bash"
    assert language_of("size = 1", server.config) is None


def test_languages_of_the_user_are_kept(server):
    server.config.HighlightMagicsPreprocessor.languages = {"%%attune": "yaml", "%%go": "go"}
    configure_jupyterlab(server)
    assert language_of("%%attune\ntasks: []", server.config) == "yaml"
    assert language_of("%%go\nx", server.config) == "go"


def test_languages_that_are_computed_later_do_no_harm(server):
    server.config.HighlightMagicsPreprocessor.languages.update({"%%go": "go"})
    configure_jupyterlab(server)
    assert language_of("%%go\nx", server.config) == "go"
