"""The regular expressions of the package, and long texts on which a slow one takes long.

A pattern is slow if its time grows faster than the text. To find a text that shows it, a text
that the pattern matches is made, cut somewhere, and a piece of it is repeated.
"""

import ast
import contextlib
import importlib
import math
import pkgutil
import random
import re
import signal
import time
from pathlib import Path
from typing import NamedTuple

import attune_nb

try:
    from re import _parser as parser
except ImportError:
    import sre_parse as parser

METHODS = ("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
# pieces of texts beside those of the pattern itself
PIECES = ("a", "1", " ", "-", ".", "/", "\\", '"', "'", "`", "$", "#", "<", "{", "[", "\t", "\n")
TAILS = ("", "\0", "!", "\n", "y")


class UsedPattern(NamedTuple):
    """A regular expression, where it stands, and the methods by which it is used."""

    place: str
    pattern: re.Pattern
    methods: tuple[str, ...]


class TooSlowError(BaseException):
    """The CPU time of a search is used up."""


def find_patterns():
    """Return every regular expression of the package's modules, compiled or not."""
    sources = {}
    for module in pkgutil.walk_packages(attune_nb.__path__, "attune_nb."):
        if not module.name.endswith("__main__"):
            path = importlib.util.find_spec(module.name).origin
            sources[module.name] = Path(path).read_text(encoding="utf-8")

    trees = {name: ast.parse(source) for name, source in sources.items()}
    uses = _find_uses(trees.values())
    patterns = []
    for name, tree in trees.items():
        module = importlib.import_module(name)
        for attribute, value in list(vars(module).items()):
            for pattern in _patterns_in(value):
                methods = tuple(sorted(uses.get(attribute, {"finditer"})))
                patterns.append(UsedPattern(f"{name}.{attribute}", pattern, methods))
        patterns += _find_literals(name, tree)

    # a name that is imported is in two modules
    return list({(used.pattern, used.methods): used for used in patterns}.values())


def _patterns_in(value):
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple | set):
        for element in value:
            yield from _patterns_in(element)
    elif isinstance(value, dict):
        yield from _patterns_in(list(value.values()))


def _find_uses(trees):
    """Return the methods of `re.Pattern` that are called on each name."""
    uses = {}
    for tree in trees:
        for node in ast.walk(tree):
            is_method = isinstance(node, ast.Attribute) and node.attr in METHODS
            if is_method and isinstance(node.value, ast.Name):
                uses.setdefault(node.value.id, set()).add(node.attr)
    return uses


def _find_literals(name, tree):
    """Yield the patterns in calls such as `re.sub(r"...", ...)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=method),
                args=[ast.Constant(value=str(text)), *_],
            ) if method in METHODS:
                yield UsedPattern(f"{name}:{node.lineno}", re.compile(text), (method,))


def make_texts(pattern, count, seed=0):
    """Yield parts of texts for a pattern: a beginning, a piece to repeat, an end."""
    rng = random.Random(f"{pattern.pattern!a} {seed}")
    tree = parser.parse(pattern.pattern, pattern.flags)
    for _ in range(count):
        sample = _make_match(tree, rng)
        cut = rng.randint(0, len(sample))
        # sampled again, as a shorter piece is more often the one that matters
        piece = rng.choice([*PIECES, sample, sample[cut:], sample[:cut], sample[cut : cut + 1]])
        if rng.random() < 0.3:
            piece += rng.choice([*PIECES, sample])
        if piece:
            yield sample[:cut], piece, rng.choice(TAILS)


def _make_match(tree, rng):
    """Return a text that a pattern matches, more or less."""
    text = ""
    for kind, value in tree:
        match str(kind):
            case "LITERAL":
                text += chr(value)
            case "NOT_LITERAL":
                text += "b" if chr(value) == "a" else "a"
            case "ANY":
                text += rng.choice("a1 -")
            case "IN":
                text += _choose_character(value, rng)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = value
                count = rng.randint(least, min(int(most), least + 2))
                text += "".join(_make_match(inner, rng) for _ in range(count))
            case "SUBPATTERN":
                text += _make_match(value[3], rng)
            case "BRANCH":
                text += _make_match(rng.choice(value[1]), rng)
            case "ATOMIC_GROUP":
                text += _make_match(value, rng)
    return text


def _choose_character(choices, rng):
    classes = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}
    characters = []
    is_negated = False
    for kind, value in choices:
        match str(kind):
            case "NEGATE":
                is_negated = True
            case "LITERAL":
                characters.append(chr(value))
            case "RANGE":
                characters += [chr(value[0]), chr(value[1])]
            case "CATEGORY":
                characters.append(classes.get(str(value), "-"))

    if is_negated:
        characters = [sign for sign in "a1-./:;x!{ " if sign not in characters] or ["z"]
    return rng.choice(characters)


def repeat(parts, length):
    """Return the text of some parts, about as long as that."""
    beginning, piece, tail = parts
    return beginning + piece * (length // len(piece) + 1) + tail


@contextlib.contextmanager
def cpu_limit(seconds):
    """Raise TooSlowError once the code within has used that many CPU seconds."""

    def stop(*_):
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def measure(used, text, limit):
    """Return the CPU seconds of a pattern's methods on a text, infinite beyond `limit`."""
    start = time.process_time()
    try:
        with cpu_limit(limit):
            for method in used.methods:
                _apply(used.pattern, method, text)
    except TooSlowError:
        return math.inf
    return time.process_time() - start


def _apply(pattern, method, text):
    replacement = ""
    if isinstance(pattern.pattern, bytes):
        replacement = b""
        text = text.encode()

    if method in ("sub", "subn"):
        pattern.subn(replacement, text)
    elif method == "finditer":
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, method)(text)


def find_slow_text(used, size, limit, tries):
    """Return the parts of a text of that size on which a pattern takes too long, or None.

    Args:
        used: The pattern.
        size: The characters of the text.
        limit: The CPU seconds that it may take.
        tries: How many texts to try in small; the slowest of them are tried in full.
    """
    small = max(size // 250, 100)
    costs = []
    for parts in make_texts(used.pattern, tries):
        seconds = measure(used, repeat(parts, small), limit)
        if seconds >= limit:
            return parts
        costs.append((seconds, parts))

    costs.sort(key=lambda cost: -cost[0])
    for _, parts in costs[:3]:
        if measure(used, repeat(parts, size), limit) >= limit:
            return parts
    return None
