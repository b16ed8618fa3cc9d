"""Text in, plain data out, and where each piece of it stands.

PyYAML's loaders lose positions, recurse, expand alias bombs and read `no` as false. So
only its events are used here: they are flat, and the data is built from them with a stack,
within limits that hold before anything grows.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import yaml

from attune_nb.errors import Position, Problem, Source, WorkflowError

__all__ = ["Document", "parse", "sort_by_position"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_NODES = 100_000
MAX_DIGITS = 100
MAX_PROBLEMS = 20

Path = tuple[str | int, ...]
Mark = tuple[int, int]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What YAML does not allow, said as such: its complement takes ten times as long to compile.
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALVES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_BARE_TEMPLATE = re.compile(r"(?:^|[:\-?,\[]\s)\s*\{[{%]")
_QUOTE_TEMPLATE = "put quotes around `{{ ... }}`: without them YAML reads the braces as a mapping"
_FRIENDLY = (
    ("maximum nesting", f"nested deeper than {MAX_DEPTH} levels"),
    ("mapping values are", "a `: ` where no key can stand; quote the text or check the indent"),
    ("quoted scalar", "this quoted text is not valid or is never closed"),
    ("flow ", "this bracket is never closed, or a `,` is missing in it"),
    ("expected ':'", "a `:` is missing here, or a quote or bracket above is not closed"),
    ("cannot start any token", "unquoted text cannot start with this character; quote the text"),
    ("block ", "a key or a `- ` is expected here; check the indent, and text after a quote"),
)


@dataclass(slots=True)
class _Node:
    """A value with what the plain data cannot carry: its place, its text, its true size."""

    value: Any
    mark: Mark
    raw: str | None = None
    weight: int = 1
    height: int = 0
    children: dict[str | int, _Node] = field(default_factory=dict)
    keys: dict[str | int, Mark] = field(default_factory=dict)


@dataclass(slots=True)
class _Frame:
    """A mapping or a list that is still open."""

    node: _Node
    anchor: str | None
    has_key: bool = False
    key: str | None = None  # None drops the value of a key already complained about


class Document:
    """The plain data of a text, and where in the text each value and key stands."""

    def __init__(self, source: Source, root: _Node) -> None:
        self.source = source
        self.data: Any = root.value
        self._root = root

    def value_position(self, path: Path) -> Position:
        """Give the place of a value, or of its nearest known parent: a problem needs a line."""
        return Position(self.source, *self._walk(path)[0].mark)

    def key_position(self, path: Path) -> Position:
        """Give the place of the key itself: that is what a misspelt key's caret points at."""
        parent, found = self._walk(path[:-1])
        mark = parent.keys.get(path[-1]) if path and found else None
        return Position(self.source, *mark) if mark else self.value_position(path)

    def raw_text(self, path: Path) -> str | None:
        """Give a scalar's text without quotes, not yet a number: version 1.10 keeps its zero."""
        node, found = self._walk(path)
        return node.raw if found else None

    def _walk(self, path: Path) -> tuple[_Node, bool]:
        node = self._root
        for step in path:
            if step not in node.children:
                return node, False
            node = node.children[step]
        return node, True


def parse(text: str, name: str = "<text>", above: str = "") -> Document:
    """Read a workflow's text, or raise a `WorkflowError` that says where it is not plain YAML.

    `above` is what stands over the text where a person sees it (the first line of a cell):
    it is not read, but lines count from it and it is shown around a problem.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = "the text is larger than 1 MiB; keep data in files and read them in a task"
        raise WorkflowError([Problem(message, Position(Source(name, text[:1000]), 1, 1))])
    if above:
        shown, text = f"{above}\n{text}", "\n" * (above.count("\n") + 1) + text
    else:
        shown = text
    source = Source(name, shown)
    if bad := _BAD.search(text):
        message = f"the character U+{ord(bad[0]):04X} cannot stand in a workflow; remove it"
        breaks = list(_BREAK.finditer(text, 0, bad.start()))
        column = bad.start() - (breaks[-1].end() if breaks else 0) + 1
        raise WorkflowError([Problem(message, Position(source, len(breaks) + 1, column))])
    return Document(source, _Builder(source, text).build())


def sort_by_position(problems: list[Problem]) -> list[Problem]:
    """Sort problems by where they stand."""
    places = [each.position for each in problems]
    keys = [(place.line, place.column) if place else (0, 0) for place in places]
    return [problems[at] for at in sorted(range(len(keys)), key=keys.__getitem__)]


class _Builder:
    """Turns events into nodes. It goes on after a problem that leaves the structure clear."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.text = text
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Node | None] = {}  # None while the anchored value is open
        self.count = 0
        self.root: _Node | None = None

    def build(self) -> _Node:
        try:
            for event in yaml.parse(self.text, Loader=_LOADER):
                self._take(event)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            message, mark = _explain(error, self.text)
            if all(each.position and each.position.line != mark[0] for each in self.problems):
                self._note(message, mark)
        if self.problems:
            raise WorkflowError(sort_by_position(self.problems))
        if self.root is None or self.root.value is None:
            self._refuse("nothing to run: expected a workflow with `tasks`", (1, 1))
        return self.root

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.CollectionStartEvent():
                self._open(event)
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.root:
                mark = _mark(event)
                self._refuse(f"a second document starts in line {mark[0]}; write one", mark)

    def _note(self, message: str, mark: Mark) -> None:
        self.problems.append(Problem(message, Position(self.source, *mark)))
        if len(self.problems) >= MAX_PROBLEMS:
            raise WorkflowError(sort_by_position(self.problems), unfinished=True)

    def _refuse(self, message: str, mark: Mark) -> NoReturn:
        last = Problem(message, Position(self.source, *mark))
        raise WorkflowError(sort_by_position([*self.problems, last]))

    def _grow(self, event: Any, weight: int, height: int) -> Mark:
        """Count what an event adds before it is built; give its place."""
        mark = _mark(event)
        self.count += weight
        if self.count > MAX_NODES:
            self._refuse(f"more than {MAX_NODES:,} values (each alias counts in full)", mark)
        if len(self.stack) + height > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels", mark)
        if getattr(event, "tag", None) is not None:
            self._note("tags such as `!!str` are not supported; remove the tag", mark)
        return mark

    def _alias(self, event: Any) -> None:
        mark, name = _mark(event), event.anchor
        if name not in self.anchors:
            self._refuse(f"line {mark[0]}: no anchor `&{name}` stands before `*{name}`", mark)
        node = self.anchors[name]
        if node is None:
            self._refuse(f"`*{name}` refers to a value that contains it", mark)
        self._grow(event, node.weight, node.height)
        self._place(replace(node, value=_copy(node.value), mark=mark))

    def _scalar(self, event: Any) -> None:
        mark, text = self._grow(event, 1, 0), event.value
        plain = event.style in (None, "")
        value: Any = text
        try:
            value = _resolve(text) if plain else text
        except ValueError as error:
            self._note(str(error), mark)
        if _SURROGATE.search(text):
            self._note("an escape gives half a character (a lone surrogate)", mark)
        self._place(_Node(value, mark, text), event.anchor, plain=plain)

    def _open(self, event: Any) -> None:
        mark, mapping = self._grow(event, 1, 1), isinstance(event, yaml.MappingStartEvent)
        parent = self.stack[-1] if self.stack else None
        as_key = parent and not parent.has_key and isinstance(parent.node.value, dict)
        if as_key and mapping and event.flow_style:
            outer = self.text[: event.start_mark.index].endswith("{")
            place = Position(self.source, mark[0], mark[1] - outer)
            if self.problems[-1:] != [Problem(_QUOTE_TEMPLATE, place)]:  # of the outer braces
                self._note(_QUOTE_TEMPLATE, (place.line, place.column))
        if event.anchor:
            self.anchors[event.anchor] = None
        node = _Node({} if mapping else [], mark, weight=1 - self.count)
        self.stack.append(_Frame(node, event.anchor))

    def _close(self) -> None:
        node = (frame := self.stack.pop()).node
        node.weight += self.count
        node.height = 1 + max((each.height for each in node.children.values()), default=0)
        self._place(node, frame.anchor)

    def _place(self, node: _Node, anchor: str | None = None, *, plain: bool = False) -> None:
        """Put a finished value where it belongs: a key, a key's value, an item or the root."""
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        parent = (frame := self.stack[-1]).node
        if isinstance(parent.value, list):
            parent.children[len(parent.value)] = node
            parent.value.append(node.value)
        elif not frame.has_key:
            frame.has_key = True
            frame.key = self._key(parent, node, plain=plain)
        else:
            frame.has_key = False
            if frame.key is not None:
                parent.children[frame.key] = node
                parent.value[frame.key] = node.value

    def _key(self, parent: _Node, node: _Node, *, plain: bool) -> str | None:
        key = node.value
        if node.raw is None:
            message = "a key must be text, not a list or a mapping; quote the key"
        elif not isinstance(key, str):
            message = f'the key `{node.raw[:40]}` is not text; quote the key: "{node.raw[:40]}"'
        elif plain and key == "<<":
            message = "the merge key `<<` is not supported; write the keys out"
        elif key in parent.keys:
            message = f"`{key[:80]}` stands twice: lines {parent.keys[key][0]} and {node.mark[0]}"
        else:
            parent.keys[key] = node.mark
            return key
        if node.raw is not None or not self.problems:  # `{{` is complained about already
            self._note(message, node.mark)
        return None


def _mark(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _copy(value: Any) -> Any:
    """Copy an alias's data, so that nobody changes two places at once."""
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _resolve(text: str) -> Any:
    """Read unquoted text as YAML 1.2 does, so that `no`, `010` and `12:30` stay text."""
    if text in _WORDS:
        return _WORDS[text]
    whole = _INT.fullmatch(text)
    if whole or _FLOAT.fullmatch(text):
        if sum(map(str.isdigit, text)) > MAX_DIGITS:
            raise ValueError(f"a number of more than {MAX_DIGITS} digits; quote it to keep it text")
        number = int(text) if whole else float(text)
        if math.isfinite(number):
            return number
    elif not _NOT_FINITE.fullmatch(text):
        return text
    raise ValueError(f"the number `{text}` is not finite; quote it if it is text")


def _explain(error: Exception, text: str) -> tuple[str, Mark]:
    """Say what to change, and where: a parser's own words are about tokens."""
    own, context = (getattr(error, each, None) for each in ("problem_mark", "context_mark"))
    lines = _BREAK.split(text)
    for mark in (own, context):
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        indent = line[: len(line) - len(line.lstrip())]
        if mark and "\t" in indent:
            number = mark.line + 1
            return f"line {number} uses a tab; use spaces", (number, indent.index("\t") + 1)
        if mark and (brace := _BARE_TEMPLATE.search(line)):
            return _QUOTE_TEMPLATE, (mark.line + 1, brace.end() - 1)
    what = str(getattr(error, "problem", None) or error)
    if own and "escape" in what and own.line < len(lines):
        start = max(own.column - 2 * ("Unicode" in what), 0)
        return _of_escape(lines[own.line][start:]), (own.line + 1, start + 1)
    words = f"{getattr(error, 'context', None) or ''} {what}"
    message = next((say for key, say in _FRIENDLY if key in words), f"not valid YAML: {what}")
    mark = context if context and ("quoted" in words or "flow" in words) else own or context
    return message, _within(lines, mark.line, mark.column) if mark else (1, 1)


def _of_escape(text: str) -> str:
    """Say what is wrong with an escape in double quotes, given the text from it on."""
    if halves := _HALVES.match(text):
        high, low = (int(half, 16) for half in halves.groups())
        code = 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00
        message = f"the escape `{halves[0]}` is one character in two halves, as JSON has it"
        return f"{message}; in YAML, write `\\U{code:08X}` or the character itself"
    if text[1:2] in ("u", "U"):
        return f"the escape `{text[: 6 if text[1] == 'u' else 10]}` stands for no character"
    message = f"`{text[:2]}` is no escape of YAML in double quotes"
    return f"{message}; write `\\\\` for a backslash, or use single quotes"


def _within(lines: list[str], line: int, column: int) -> Mark:
    """Give a place that a reader can see: the end of the last line stands for all beyond it."""
    last = max((number for number, text in enumerate(lines) if text.strip()), default=0)
    return (line + 1, column + 1) if line <= last else (last + 1, len(lines[last]) + 1)
