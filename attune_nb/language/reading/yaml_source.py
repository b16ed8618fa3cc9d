"""Parse YAML text to plain data and the position of every value and key.

PyYAML's loaders lose positions, recurse, expand alias bombs and read `no` as false. So only its
events are used: they are flat, and the data is built from them with a stack. Limits are checked
before anything grows.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from attune_nb.errors import Position, Problem, Source, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Builder", "Document", "KeyPath", "check_text", "parse", "sort_by_position"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_NODES = 100_000
MAX_DIGITS = 100
MAX_PROBLEMS = 20

# Keys and indexes that lead from the root to a value.
KeyPath = tuple[str | int, ...]
# Line and column, from 1.
Mark = tuple[int, int]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# The characters that YAML does not allow. The complement of those that it allows would take ten
# times as long to compile.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_BARE_TEMPLATE = re.compile(r"(?:^|[:\-?,\[]\s)\s*\{[{%]")
_QUOTE_TEMPLATE = "put quotes around `{{ ... }}`: without them YAML reads the braces as an object"

# Words of the parser's messages, and the message to show instead.
_FRIENDLY_MESSAGES = (
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
    """A value with its position, its text and its true size, which plain data cannot carry."""

    value: Any
    mark: Mark
    raw: str | None = None
    weight: int = 1
    height: int = 0
    children: dict[str | int, _Node] = field(default_factory=dict)
    keys: dict[str | int, Mark] = field(default_factory=dict)


@dataclass(slots=True)
class _Frame:
    """An object or an array that is still open.

    If `key` is None, the value of a key that has a problem already is dropped.
    """

    node: _Node
    anchor: str | None
    has_key: bool = False
    key: str | None = None


class Document:
    """The plain data of a text, and the position of each value and key."""

    def __init__(self, source: Source, root: _Node) -> None:
        self.source = source
        self.data: Any = root.value
        self._root = root

    def value_position(self, path: KeyPath) -> Position:
        """Return the position of a value, or of its nearest parent that the text has."""
        node, _ = self._walk(path)
        return Position(self.source, *node.mark)

    def key_position(self, path: KeyPath) -> Position:
        """Return the position of a key, or of the value if there is no such key."""
        parent, is_complete = self._walk(path[:-1])
        if path and is_complete:
            mark = parent.keys.get(path[-1])
            if mark is not None:
                return Position(self.source, *mark)
        return self.value_position(path)

    def raw_text(self, path: KeyPath) -> str | None:
        """Return a scalar's text without quotes: version 1.10 keeps its zero."""
        node, is_complete = self._walk(path)
        return node.raw if is_complete else None

    def walk_strings(self) -> Iterator[tuple[str, Position]]:
        """Yield every value that is a string, with its position."""
        pending = [self._root]
        while pending:
            node = pending.pop()
            if isinstance(node.value, str):
                yield node.value, Position(self.source, *node.mark)
            pending += node.children.values()

    def _walk(self, path: KeyPath) -> tuple[_Node, bool]:
        """Return the last node on a path that the text has, and whether it is the path's end."""
        node = self._root
        for key in path:
            if key not in node.children:
                return node, False
            node = node.children[key]
        return node, True


def parse(
    text: str, name: str = "<text>", above: str = "", *, noun: str = "a workflow"
) -> Document:
    """Return a text as a document.

    Args:
        text: The YAML.
        name: The name of the text in messages.
        above: Lines that stand above the text where a person sees it, such as the first line
            of a cell. They are not parsed, but positions count from them and messages show them.
        noun: The text as a message calls it.

    Raises:
        WorkflowError: The text is not plain YAML, or is too large.
    """
    text = text.removeprefix("\ufeff")
    shown = text
    if above:
        shown = f"{above}\n{text}"
        _check_size(text, name)
        text = "\n" * (above.count("\n") + 1) + text
    source = check_text(text, name, shown, noun)

    builder = Builder(source, text)
    root = builder.build(yaml.parse(text, Loader=_LOADER))
    if root.value is None:
        message = f"{noun} cannot be empty: expected names and values"
        if noun == "a workflow":
            message = "nothing to run: expected a workflow with `tasks`"
        builder.refuse(message, (1, 1))
    return Document(source, root)


def check_text(text: str, name: str, shown: str, noun: str = "a file") -> Source:
    """Check the size and the characters of a text, and return it as the source of positions.

    Args:
        text: The text.
        name: Its name in messages.
        shown: The text that messages show.
        noun: The text as a message calls it.

    Raises:
        WorkflowError: The text is too large, or holds a character that it cannot have.
    """
    _check_size(text, name)
    source = Source(name, shown)

    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        code = ord(forbidden[0])
        message = f"the character U+{code:04X} cannot stand in {noun}; remove it"
        position = Position(source, *_mark_at(text, forbidden.start()))
        raise WorkflowError([Problem(message, position)])
    return source


def _check_size(text: str, name: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = "the text is larger than 1 MiB; keep data in files and read them in a task"
        raise WorkflowError([Problem(message, Position(Source(name, text[:1000]), 1, 1))])


def _mark_at(text: str, index: int) -> Mark:
    breaks = list(_LINE_BREAK.finditer(text, 0, index))
    line_start = breaks[-1].end() if breaks else 0
    return len(breaks) + 1, index - line_start + 1


def sort_by_position(problems: list[Problem]) -> list[Problem]:
    """Return problems in the order of the text; those without a position come first."""

    def sort_key(problem: Problem) -> Mark:
        if problem.position is None:
            return 0, 0
        return problem.position.line, problem.position.column

    return sorted(problems, key=sort_key)


class Builder:
    """Builds nodes from events. It continues after problems that leave the structure clear."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.text = text
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        # None while the anchored value is open
        self.anchors: dict[str, _Node | None] = {}
        self.count = 0
        self.root: _Node | None = None

    def build(self, events: Iterable[Any]) -> _Node:
        """Return the root node.

        Args:
            events: The events of the text.

        Raises:
            WorkflowError: The text has problems.
        """
        try:
            for event in events:
                self._take(event)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            message, mark = _explain(error, self.text)
            if not self._has_problem_on_line(mark[0]):
                self._note(message, mark)

        if self.problems:
            raise WorkflowError(sort_by_position(self.problems))
        if self.root is None:
            return _Node(None, (1, 1))
        return self.root

    def _has_problem_on_line(self, line: int) -> bool:
        for problem in self.problems:
            if problem.position is None or problem.position.line == line:
                return True
        return False

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._add_scalar(event)
            case yaml.CollectionStartEvent():
                self._open_collection(event)
            case yaml.CollectionEndEvent():
                self._close_collection()
            case yaml.AliasEvent():
                self._add_alias(event)
            case yaml.DocumentStartEvent() if self.root:
                mark = _mark(event)
                self.refuse(f"a second document starts in line {mark[0]}; write one", mark)

    def _note(self, message: str, mark: Mark) -> None:
        self.problems.append(Problem(message, Position(self.source, *mark)))
        if len(self.problems) >= MAX_PROBLEMS:
            raise WorkflowError(sort_by_position(self.problems), unfinished=True)

    def refuse(self, message: str, mark: Mark) -> NoReturn:
        """Raise the problems noted so far and a last one.

        Raises:
            WorkflowError: Always.
        """
        last = Problem(message, Position(self.source, *mark))
        raise WorkflowError(sort_by_position([*self.problems, last]))

    def _count(self, event: Any, weight: int, height: int) -> Mark:
        """Check the limits before an event's value is built, and return the event's mark."""
        mark = _mark(event)
        self.count += weight
        if self.count > MAX_NODES:
            self.refuse(f"more than {MAX_NODES:,} values (each alias counts in full)", mark)
        if len(self.stack) + height > MAX_DEPTH:
            self.refuse(f"nested deeper than {MAX_DEPTH} levels", mark)

        if getattr(event, "tag", None) is not None:
            self._note("tags such as `!!str` are not supported; remove the tag", mark)
        return mark

    def _add_alias(self, event: Any) -> None:
        mark = _mark(event)
        name = event.anchor
        if name not in self.anchors:
            self.refuse(f"no anchor `&{name}` stands before `*{name}`", mark)

        node = self.anchors[name]
        if node is None:
            self.refuse(f"`*{name}` refers to a value that contains it", mark)
        self._count(event, node.weight, node.height)
        self._place(replace(node, value=_copy(node.value), mark=mark))

    def _add_scalar(self, event: Any) -> None:
        mark = self._count(event, 1, 0)
        text = event.value
        is_plain = event.style in (None, "")

        value: Any = text
        if is_plain:
            try:
                value = _resolve(text)
            except ValueError as error:
                self._note(str(error), mark)
        if _SURROGATE.search(text):
            self._note("an escape gives half a character (a lone surrogate)", mark)

        self._place(_Node(value, mark, text), event.anchor, is_plain=is_plain)

    def _open_collection(self, event: Any) -> None:
        mark = self._count(event, 1, 1)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if is_mapping and event.flow_style and self._is_at_key():
            self._note_bare_template(event, mark)

        if event.anchor:
            self.anchors[event.anchor] = None
        # the weight is completed when the collection is closed
        value: Any = {} if is_mapping else []
        node = _Node(value, mark, weight=1 - self.count)
        self.stack.append(_Frame(node, event.anchor))

    def _is_at_key(self) -> bool:
        """Return whether the next value is a key of an object."""
        if not self.stack:
            return False
        frame = self.stack[-1]
        return isinstance(frame.node.value, dict) and not frame.has_key

    def _note_bare_template(self, event: Any, mark: Mark) -> None:
        """Note braces that YAML reads as an object that is a key: a template without quotes."""
        line, column = mark
        if self.text[: event.start_mark.index].endswith("{"):
            column -= 1

        problem = Problem(_QUOTE_TEMPLATE, Position(self.source, line, column))
        # the outer braces may have been noted already
        if self.problems[-1:] != [problem]:
            self._note(_QUOTE_TEMPLATE, (line, column))

    def _close_collection(self) -> None:
        frame = self.stack.pop()
        node = frame.node
        node.weight += self.count
        node.height = 1 + max((child.height for child in node.children.values()), default=0)
        self._place(node, frame.anchor)

    def _place(self, node: _Node, anchor: str | None = None, *, is_plain: bool = False) -> None:
        """Put a complete value in its place: a key, a key's value, an element or the root."""
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return

        frame = self.stack[-1]
        parent = frame.node
        if isinstance(parent.value, list):
            parent.children[len(parent.value)] = node
            parent.value.append(node.value)
        elif not frame.has_key:
            frame.has_key = True
            frame.key = self._read_key(parent, node, is_plain=is_plain)
        else:
            frame.has_key = False
            if frame.key is not None:
                parent.children[frame.key] = node
                parent.value[frame.key] = node.value

    def _read_key(self, parent: _Node, node: _Node, *, is_plain: bool) -> str | None:
        """Add a key to its object and return it, or note why it cannot be one."""
        key = node.value
        if node.raw is None:
            # `{{` as a key has been noted already
            if not self.problems:
                self._note(
                    "a key must be a string, not an array or an object; quote the key", node.mark
                )
            return None

        if not isinstance(key, str):
            text = node.raw[:40]
            message = f'the key `{text}` is not a string; quote the key: "{text}"'
        elif is_plain and key == "<<":
            message = "the merge key `<<` is not supported; write the keys out"
        elif key in parent.keys:
            first_line = parent.keys[key][0]
            message = f"`{key[:80]}` stands twice: lines {first_line} and {node.mark[0]}"
        else:
            parent.keys[key] = node.mark
            return key

        self._note(message, node.mark)
        return None


def _mark(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _copy(value: Any) -> Any:
    """Copy an alias's data, so that a change in one place does not change the other."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(element) for element in value]
    return value


def _resolve(text: str) -> Any:
    """Return the value of unquoted text by the core schema of YAML 1.2.

    So `no`, `12:30` and dates stay strings. `010` stays one too: that schema makes 10 of it, but
    it is more often a code than a number.

    Raises:
        ValueError: It is a number that is too long or not finite.
    """
    if text in _WORDS:
        return _WORDS[text]

    is_integer = _INTEGER.fullmatch(text) is not None
    is_other_base = _OTHER_BASE.fullmatch(text) is not None
    if is_integer or is_other_base or _DECIMAL.fullmatch(text):
        digits = text[2:] if is_other_base else "".join(filter(str.isdigit, text))
        if len(digits) > MAX_DIGITS:
            raise ValueError(
                f"a number of more than {MAX_DIGITS} digits; quote it to keep it a string"
            )

        if is_other_base:
            return int(text, 0)
        number = int(text) if is_integer else float(text)
        if math.isfinite(number):
            return number
    elif not _NOT_FINITE.fullmatch(text):
        return text

    raise ValueError(f"the number `{text}` is not finite; quote it if it is a string")


def _explain(error: Exception, text: str) -> tuple[str, Mark]:
    """Return a message about a parser's error, which names the change to make, and its mark.

    The parser's own words are about tokens.
    """
    problem_mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None)
    lines = _LINE_BREAK.split(text)

    for mark in (problem_mark, context_mark):
        if mark is not None and mark.line < len(lines):
            explained = _explain_line(lines[mark.line], mark.line + 1)
            if explained:
                return explained

    problem = getattr(error, "problem", None)
    reason = str(problem) if problem else str(error)
    if problem_mark and "escape" in reason and problem_mark.line < len(lines):
        # the mark of an escape such as `\ud83d` is behind its first two characters
        start = problem_mark.column - 2 if "Unicode" in reason else problem_mark.column
        start = max(start, 0)
        message = _explain_escape(lines[problem_mark.line][start:])
        return message, (problem_mark.line + 1, start + 1)

    context = getattr(error, "context", None)
    words = f"{context} {reason}" if context else f" {reason}"
    # a quote or a bracket that is never closed is best shown where it is opened
    mark = problem_mark
    if mark is None or (context_mark and ("quoted" in words or "flow" in words)):
        mark = context_mark
    if mark is None:
        return _friendly_message(words, reason), (1, 1)
    return _friendly_message(words, reason), _visible_mark(lines, mark.line, mark.column)


def _explain_line(line: str, number: int) -> tuple[str, Mark] | None:
    """Return a message and a mark if the line has a tab or a template without quotes."""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return f"line {number} uses a tab; use spaces", (number, indent.index("\t") + 1)

    brace = _BARE_TEMPLATE.search(line)
    if brace:
        return _QUOTE_TEMPLATE, (number, brace.end() - 1)
    return None


def _friendly_message(words: str, reason: str) -> str:
    for key, message in _FRIENDLY_MESSAGES:
        if key in words:
            return message
    return f"not valid YAML: {reason}"


def _explain_escape(text: str) -> str:
    """Return the fault of the escape at the start of a text in double quotes."""
    pair = _SURROGATE_PAIR.match(text)
    if pair:
        high = int(pair[1], 16)
        low = int(pair[2], 16)
        code = 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00
        message = f"the escape `{pair[0]}` is one character in two halves, as JSON has it"
        return f"{message}; in YAML, write `\\U{code:08X}` or the character itself"

    if text[1:2] in ("u", "U"):
        length = 6 if text[1] == "u" else 10
        return f"the escape `{text[:length]}` stands for no character"

    message = f"`{text[:2]}` is no escape of YAML in double quotes"
    return f"{message}; write `\\\\` for a backslash, or use single quotes"


def _visible_mark(lines: list[str], line: int, column: int) -> Mark:
    """Return a mark that a reader can see: behind the last line, the end of that line."""
    last = 0
    for number, text in enumerate(lines):
        if text.strip():
            last = number

    if line <= last:
        return line + 1, column + 1
    return last + 1, len(lines[last]) + 1
