"""Options of magics, of their commands and of the command line, as help and the pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attune_nb.help.page import Heading, Paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.help.page import Block

__all__ = ["SETTING", "Option", "find_options", "option_blocks"]


SETTING = "%config"
"""The owner of the settings of the magics."""


class Option(NamedTuple):
    """An option or an argument, from its declaration.

    Attributes:
        owner: The command that takes it: `%%attune`, `attune-nb run`; `%config` of a setting.
        names: Its names; those of an argument and of a setting have no `-`.
        value: The form of its value; empty if it takes none.
        help: Its meaning, in a few words.
        default: Its default as text; empty if it has none.
    """

    owner: str
    names: tuple[str, ...]
    value: str
    help: str
    default: str = ""

    @property
    def is_option(self) -> bool:
        """Whether it is an option, and no argument."""
        return self.names[0].startswith("-")

    @property
    def is_setting(self) -> bool:
        """Whether it is a setting of the magics."""
        return self.owner == SETTING

    @property
    def text(self) -> str:
        """The names with the form of the value, as on the command line."""
        names = ", ".join(self.names)
        return f"{names} {self.value}" if self.is_option and self.value else names


def find_options(word: str, options: Iterable[Option]) -> list[Option]:
    """Return the options of a name, which may be written without its `-` and with `_`."""
    name = _plain(word)
    found = []
    for option in options:
        names = [_plain(written) for written in option.names]
        if (option.is_option or option.is_setting) and name in names:
            found.append(option)
    return found


def _plain(name: str) -> str:
    """Return the last part of a name: of `AttuneMagics.out` and of `--out` it is `out`."""
    return name.rpartition(".")[2].lstrip("-").replace("_", "-")


def option_blocks(options: Iterable[Option]) -> list[Block]:
    """Return the blocks about options: one for each spelling, with the commands that take it."""
    owners: dict[str, dict[str, list[str]]] = {}
    for option in options:
        text = option.help.removesuffix(".")
        if option.default:
            text += f"; default {option.default}"
        by_text = owners.setdefault(option.text, {})
        by_text.setdefault(text, []).append(f"`{option.owner}`")

    blocks: list[Block] = []
    for name, by_text in owners.items():
        kind = "an option" if name.startswith("-") else "a setting"
        blocks.append(Heading(f"`{name}`, {kind}"))
        blocks += [Paragraph(f"Of {', '.join(names)}: {text}.") for text, names in by_text.items()]
    return blocks
