"""SVG files as small as they can be without a visible difference."""

from __future__ import annotations

import re

__all__ = ["compact_svg"]

_BETWEEN_ELEMENTS = re.compile(r">\s+<")
_PATH = re.compile(r'<path d="(?P<shape>[^"]*)"(?P<look>[^>]*)/>')
_REPLACEMENTS = (
    # each use of a marker has the same style, and a page's rules reach only that one
    (re.compile(r'(<path id="[^"]*" d="[^"]*") style="[^"]*"/>'), r"\1/>"),
    # the font of all texts is that of the file
    (re.compile(r"(<text style=\"[^\"]*)font-family: [^;\"]*; "), r"\1"),
    (re.compile(r' transform="rotate\(-0 [^"]*\)"'), ""),
    # nothing refers to groups
    (re.compile(r'<g id="[^"]*"'), "<g"),
)
_START = re.compile("<svg ")
_SHAPE = re.compile(r' d="[^"]*"')
_FRACTION = re.compile(r"(?<!\d)\d+\.\d{3,}")
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
    text = "".join(parts)
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    text = _START.sub(r'<svg font-family="DejaVu Sans,Verdana,sans-serif" ', text, count=1)
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
