"""A box of widgets with a text for front ends that show no widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WidgetBox"]


class WidgetBox(ipywidgets.VBox):  # type: ignore[misc]
    """Widgets below each other.

    Args:
        children: The widgets.
        text: The text in their place if the front end has no widgets.
    """

    def __init__(self, children: Sequence[Any], text: str) -> None:
        self._text = text
        super().__init__(list(children))

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the full text beside the widget; ipywidgets would cut it at 110 characters."""
        data = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": self._text}
