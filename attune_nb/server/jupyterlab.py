"""Settings by which JupyterLab shows the runs of the server, and nbconvert colours workflows."""

from __future__ import annotations

from typing import Any

__all__ = ["configure_jupyterlab"]


def configure_jupyterlab(server: Any) -> None:
    """Show the runs in JupyterLab, and the colours of workflows in notebooks that it exports.

    Args:
        server: The `ServerApp`.
    """
    # options of JupyterLab's pages: without this one its extension shows no runs
    page_options = server.web_app.settings.setdefault("page_config_data", {})
    page_options["attuneUrl"] = f"{server.base_url}attune"

    # a server exports notebooks with its own configuration, not that of `jupyter nbconvert`
    languages = server.config.HighlightMagicsPreprocessor.setdefault("languages", {})
    # a configuration file may have made it a value that is computed later
    if isinstance(languages, dict):
        languages.setdefault("%%attune", "attune")
