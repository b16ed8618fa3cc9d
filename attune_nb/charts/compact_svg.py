"""SVG files as small as they can be without a visible difference."""

from __future__ import annotations

import re

__all__ = ["compact_svg"]

_BETWEEN_ELEMENTS = re.compile(r">\s+<")
_PATH = re.compile(r'<path d="(?P<shape>[^"]*)"(?P<look>[^>]*)/>')
_MARKER = re.compile(r'(<path id="[^"]*" d="[^"]*") style="[^"]*"/>')
_SHAPE = re.compile(r' d="[^"]*"')
_FRACTION = re.compile(r"\d+\.\d{3,}")
_SPACES = re.compile(r"\s+")


def compact_svg(text: str) -> str:
    """Return an SVG file of matplotlib on few lines, with fewer digits and fewer paths.

    Paths that follow each other and look the same become one, such as the bars of a status. Markers
    have the style of their uses. Lengths have a hundredth of a point. Texts do not change.
    """
    text = _BETWEEN_ELEMENTS.sub("><", text)
    parts: list[str] = []
    shapes: list[str] = []
    look = ""
    end = 0
    for match in _PATH.finditer(text):
        follows = bool(shapes) and match.start() == end
        if not follows or match["look"] != look:
            parts.append(_format_path(shapes, look))
            parts.append(text[end : match.start()])
            shapes = []

        shapes.append(match["shape"])
        look = match["look"]
        end = match.end()

    parts.append(_format_path(shapes, look))
    parts.append(text[end:])
    # each use of a marker has the same style, and a page's rules reach only that one
    text = _MARKER.sub(r"\1/>", "".join(parts))
    return _SHAPE.sub(_shorten, text)


def _format_path(shapes: list[str], look: str) -> str:
    """Return one path of several shapes; an empty string without any."""
    return f'<path d="{" ".join(shapes)}"{look}/>' if shapes else ""


def _shorten(match: re.Match[str]) -> str:
    """Return the shape of a path on one line, with short numbers."""
    return _FRACTION.sub(_round, _SPACES.sub(" ", match[0]))


def _round(match: re.Match[str]) -> str:
    """Return a number with at most two places after the point."""
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
