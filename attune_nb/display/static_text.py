"""The text that stands in for widgets: in a saved notebook, or in a front end without widgets."""

from __future__ import annotations

from attune_nb.html import Markup, element

__all__ = ["hide_static_text", "static_text"]

# JupyterLab shows "model not found" for a widget that has no kernel. One that has a kernel has
# elements of its own; and an output of another kind is no panel of JupyterLab.
_DEAD_WIDGETS = (
    ".jp-OutputArea-child:has(.{}) ~ .jp-OutputArea-child "
    "> .lm-Panel.jp-OutputArea-output:not(:has(*)){{display:none}}"
)


def static_text(content: Markup, name: str) -> Markup:
    """Return the content that is shown if the widgets below it have no kernel.

    Args:
        content: The content.
        name: A class, which only this content has.
    """
    style = element("style", Markup(_DEAD_WIDGETS).format(Markup(name)))
    return element("div", content, style, class_=name)


def hide_static_text(name: str) -> Markup:
    """Return the style that hides the content of a class; it stands in the widgets.

    A front end that cannot show the widgets does not read it, and shows the content.
    """
    return element("style", Markup(".{}{{display:none}}").format(name))
