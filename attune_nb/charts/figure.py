"""The figure of a chart, which notebooks and SVG files show in the colours of their page."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from attune_nb.charts.compact_svg import compact_svg
from attune_nb.charts.style import DARK, LIGHT, NEUTRALS
from attune_nb.html import Markup, element

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune_nb.charts.style import Theme

__all__ = ["ChartFigure"]

# the pages that name their theme: JupyterLab and nbconvert, VS Code, Colab, documentation
_LIGHT_PAGES = (
    '[data-jp-theme-light="true"]',
    ".vscode-light",
    '[theme="light"]',
    '[data-theme="light"]',
)
_DARK_PAGES = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    ".vscode-high-contrast",
    '[theme="dark"]',
    '[data-theme="dark"]',
)

# the colour of the page itself, as JupyterLab and VS Code name it
_PAGE_COLOUR = "var(--jp-layout-color0,var(--vscode-editor-background,{}))"

# a chart becomes narrower with its page until its smallest text is as small as this
_LEAST_PIXELS = 10.0

_POINTS = 72  # in an inch
_PIXELS = 96  # of CSS, in an inch

# matplotlib's notes on the file; without them, the same chart is always the same text
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))

# Texts are texts. On a page with several charts, parts have the same id only if they are the same.
# Verdana is as wide as the font in which texts were measured.
_SVG_OPTIONS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "attune_nb",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
}

# as many colours as a picture needs: with more, it is three times as large
_COLOURS = 64

# the beginning of matplotlib's file, with a style that would reach every element of a page
_SVG_START = re.compile(r"<svg (?P<attributes>[^<>]*)>")
_STYLE_OF_ALL = re.compile(r"<style[^<>]*>\*\{(?P<rules>[^}]*)\}</style>")


class ChartFigure(Figure):
    """A figure whose neutral colours are those of the page that shows it.

    A notebook gets an SVG. Its colours are light or dark as the page's theme is, also when that
    changes. A page that removes styles, such as a notebook that is not trusted, shows a light
    picture instead. A saved SVG file follows its page too; other files are light. With the dark
    theme, all of them are dark.
    """

    def __init__(self, theme: Theme, width: float, height: float, dpi: float) -> None:
        """Create an empty figure.

        Args:
            theme: The neutral colours.
            width: In inches.
            height: In inches.
            dpi: The pixels in an inch, in files of pixels.
        """
        super().__init__(figsize=(width, height), dpi=dpi)
        self._theme = theme
        self.set_facecolor(theme.paper)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save the figure, with the arguments of matplotlib's `Figure.savefig`."""
        if not _is_svg(fname, options.get("format")):
            super().savefig(fname, **options)
            return

        text = self._draw_svg(options)
        if isinstance(fname, str | os.PathLike):
            Path(fname).write_text(text, encoding="utf-8")
        elif isinstance(fname, io.TextIOBase):
            fname.write(text)
        else:
            fname.write(text.encode())

    def _repr_mimebundle_(
        self,
        include: Collection[str] = (),  # noqa: ARG002 - IPython passes both
        exclude: Collection[str] = (),  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the figure as HTML, and as a picture for front ends that show no HTML."""
        png = base64.b64encode(self._draw_png()).decode()
        return {"text/html": self._to_html(png), "image/png": png, "text/plain": repr(self)}

    def _draw_png(self) -> bytes:
        """Return a small PNG file."""
        full = io.BytesIO()
        self.savefig(full, format="png")
        small = io.BytesIO()
        with Image.open(full) as picture:
            picture.convert("RGB").quantize(_COLOURS).save(small, format="png", optimize=True)
        return small.getvalue()

    def _to_html(self, png: str) -> str:
        """Return the SVG for a page, and a picture that is seen if the page removes the SVG.

        Args:
            png: The picture, in base64.
        """
        # a page has no place for the declarations of a file, which come before the SVG
        _, tag, content = self._draw_svg({}).partition("<svg ")
        size = Markup('style="{}" ').format(self._format_size())
        # matplotlib has escaped the texts
        svg = Markup(tag) + size + Markup(content)
        # the style in the SVG shows it; where both are removed, its texts stay hidden
        drawing = element("div", svg, class_="attune-drawing", style="display:none")
        picture = element(
            "img",
            class_="attune-picture",
            alt=self._find_title(),
            src=f"data:image/png;base64,{png}",
            style="max-width:100%",
        )
        return str(element("div", drawing, picture, style="overflow-x:auto"))

    def _find_title(self) -> str:
        """Return the title of the first axes that have one."""
        for ax in self.axes:
            for place in ("left", "center"):
                if title := ax.get_title(loc=place):
                    return title
        return "chart"

    def _draw_svg(self, options: dict[str, Any]) -> str:
        """Return an SVG file, in which texts are texts, so that a page's search finds them."""
        options = {"metadata": _NO_METADATA} | options | {"format": "svg"}
        buffer = io.BytesIO()
        with mpl.rc_context(_SVG_OPTIONS):
            super().savefig(buffer, **options)

        text = compact_svg(buffer.getvalue().decode())
        text = _STYLE_OF_ALL.sub(self._format_style, text, count=1)
        return _SVG_START.sub(self._format_start, text, count=1)

    def _format_style(self, match: re.Match[str]) -> str:
        """Return the style of the SVG, which is limited to charts."""
        style = (
            f".attune-chart *{{{match['rules']}}}.attune-chart text{{white-space:pre}}"
            ".attune-drawing{display:block!important}.attune-picture{display:none}"
        )
        if self._theme.follows_page:
            style += _make_theme_style()
        return f"<style>{style}</style>"

    def _format_start(self, match: re.Match[str]) -> str:
        """Return the first tag of the SVG, with its classes and its name."""
        classes = "attune-chart"
        if self._theme.follows_page:
            classes += " attune-themed"
        # the spaces of a text are part of it
        name = Markup('class="{}" role="img" aria-label="{}" xml:space="preserve"').format(
            classes, self._find_title()
        )
        return f"<svg {name} {match['attributes']}>"

    def _format_size(self) -> str:
        """Return the width in a page: as wide as the page, if the texts can be read."""
        most = self.get_size_inches()[0] * _PIXELS
        texts = [text for text in self.findobj(Text) if text.get_text()]
        smallest = min((float(text.get_fontsize()) for text in texts), default=_LEAST_PIXELS)
        least = most * _LEAST_PIXELS / (smallest * _PIXELS / _POINTS)
        return f"width:100%;max-width:{most:.0f}px;min-width:{least:.0f}px;height:auto"


def _is_svg(fname: Any, file_format: str | None) -> bool:
    """Return whether a figure is saved as SVG."""
    if file_format is None and isinstance(fname, str | os.PathLike):
        file_format = Path(fname).suffix[1:]
        if not file_format:
            file_format = mpl.rcParams["savefig.format"]
    return file_format is not None and file_format.lower() == "svg"


def _make_theme_style() -> str:
    """Return the rules that give the light theme's colours the colours of the page's theme."""
    light = _format_variables(LIGHT)
    dark = _format_variables(DARK)
    rules = [
        f".attune-themed{{{light}}}",
        f"@media (prefers-color-scheme:dark){{.attune-themed{{{dark}}}}}",
    ]
    for pages, variables in ((_LIGHT_PAGES, light), (_DARK_PAGES, dark)):
        selector = ",".join(f"{page} .attune-themed" for page in pages)
        rules.append(f"{selector}{{{variables}}}")

    for name in NEUTRALS:
        colour = getattr(LIGHT, name).lower()
        value = f"var(--attune-{name})!important"
        # a chart's parts have styles, and the ground of a hatch has an attribute
        rules += [
            f'.attune-themed [style*="{key}: {colour}"],'
            f'.attune-themed [{key}="{colour}"]{{{key}:{value}}}'
            for key in ("fill", "stroke")
        ]
    return "".join(rules)


def _format_variables(theme: Theme) -> str:
    """Return a theme as variables of CSS; the paper is as the page, if that names its colour."""
    colours = {name: getattr(theme, name) for name in NEUTRALS}
    colours["paper"] = _PAGE_COLOUR.format(theme.paper)
    return ";".join(f"--attune-{name}:{colour}" for name, colour in colours.items())
