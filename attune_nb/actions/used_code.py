"""A digest of everything that an action's function uses, the same in every process.

The code of a function is not all that decides its outcome. It calls helpers, reads globals and
closures, makes objects of classes. The digest follows these names, through the user's own code:

- Functions and classes of the user's own modules count with their code, their defaults and
  all that they use in turn. Those of installed packages and of Python count by their names only.
- Plain values count with their content: of a string its beginning, of a container its first
  elements, and the length of either. A table or an array counts by its shape and its types.
- Enumerations, named tuples, dataclasses and namespaces count with their fields. Other objects
  (a client, a lock, an open file) count by their type: their content changes with their use.
- A value that the code itself changes (`results.append(...)`, `cache[key] = ...`, a global that
  it assigns) counts by its type too. For this, the lines of the code are looked at: a name counts
  as changed if it stands in a line that changes an object.

The work is bounded: after `_MAX_PARTS` parts the rest is left out, always the same rest.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import inspect
import itertools
import os
import re
import sys
import sysconfig
from datetime import date, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from attune_nb.actions.code_parts import code_parts, constant_text
from attune_nb.values.guard import module_name, repr_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["digest_used_code"]

# Hexadecimal digits. Few, so that a short secret which a global holds cannot be found by trying.
_DIGITS = 6

# parts that count, elements of a container, and characters of a string
_MAX_PARTS = 4_000
_MAX_ELEMENTS = 200
_MAX_LENGTH = 10_000

# levels of calls and of containers
_MAX_DEPTH = 30

# methods that change the list, dict, set or deque that they belong to
_CHANGING_METHODS = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "insert",
        "pop", "popitem", "popleft", "put", "remove", "reverse", "setdefault", "sort", "update",
    }
)  # fmt: skip

_CHANGING_OPERATIONS = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR"})

# attributes of a class that Python or the compiler makes
_GENERATED = frozenset(
    {
        "__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__",
        "__annotations_cache__", "__classdictcell__", "__dataclass_fields__",
        "__dataclass_params__", "__dict__", "__doc__", "__firstlineno__", "__module__",
        "__orig_bases__", "__parameters__", "__qualname__", "__static_attributes__", "__weakref__",
        "_abc_impl",
    }
)  # fmt: skip

_SCALARS = (str, bytes, int, float, complex, type(None), type(...))

# types whose `repr` is their content, and the same in every process
_VALUES = (
    date, time, timedelta, timezone, Decimal, Fraction, PurePath, UUID, range, re.Pattern, slice
)  # fmt: skip

# types whose elements are looked at
_CONTAINERS: tuple[type[Any], ...] = (dict, list, tuple, set, frozenset)

# elements of a set that are sorted
_MAX_SORTED = 10_000


def digest_used_code(function: Any) -> str:
    """Return hexadecimal digits that change with a function and with all that it uses."""
    content = "\0".join(_Walk().parts_of(function)).encode("utf-8", "replace")
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


class _NamesUsed(NamedTuple):
    """The names that a code object and the code objects in it use.

    Attributes:
        globals: The globals that it reads.
        names: All names of globals, attributes and modules.
        changed: The names that it assigns, and those in lines that change an object.
    """

    globals: tuple[str, ...]
    names: tuple[str, ...]
    changed: frozenset[str]


@functools.lru_cache(maxsize=500)
def _names_used(code: CodeType) -> _NamesUsed:
    read: set[str] = set()
    names: set[str] = set(code.co_names)
    changed: set[str] = set()

    loaded_by_line: dict[int | None, set[str]] = {}
    changing_lines: set[int | None] = set()
    for instruction in dis.get_instructions(code):
        operation = instruction.opname
        line = instruction.positions.lineno if instruction.positions else None
        if _changes_object(instruction):
            changing_lines.add(line)
        elif operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(instruction.argval)
            loaded_by_line.setdefault(line, set()).add(instruction.argval)
        elif operation in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF"):
            changed.add(instruction.argval)
        elif operation.startswith(("LOAD_FAST", "LOAD_DEREF")):
            # newer versions of Python load two variables at once
            values = instruction.argval
            loaded = (values,) if isinstance(values, str) else values
            loaded_by_line.setdefault(line, set()).update(loaded)
    for line in changing_lines:
        changed |= loaded_by_line.get(line, set())

    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _names_used(constant)
            read.update(inner.globals)
            names.update(inner.names)
            changed |= inner.changed
    return _NamesUsed(tuple(sorted(read)), tuple(sorted(names)), frozenset(changed))


def _changes_object(instruction: dis.Instruction) -> bool:
    """Return whether an instruction changes an object, or looks up a method that does."""
    if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
        return instruction.argval in _CHANGING_METHODS
    return instruction.opname in _CHANGING_OPERATIONS


class _Walk:
    """One walk through all that a function uses. An object is visited once."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        # the visited objects by their ids; held, so that no id is used again
        self._visited: dict[int, tuple[int, object]] = {}

    def parts_of(self, value: Any) -> list[str]:
        """Return the parts of the digest."""
        self._add(value, 0)
        return self._parts

    def _add(self, value: Any, depth: int, *, is_changed: bool = False) -> None:
        """Add the parts of a value.

        Args:
            value: Any object.
            depth: How many steps lead here.
            is_changed: Whether the code that uses the value changes it.
        """
        if len(self._parts) >= _MAX_PARTS:
            return
        if depth > _MAX_DEPTH:
            self._parts.append("...")
            return
        if _is_of(value, _SCALARS):
            self._parts.append(_scalar_text(value))
            return
        if _is_of(value, _VALUES):
            self._parts.append(f"{_type_name(value)} {repr_of(value)}"[:_MAX_LENGTH])
            return
        if id(value) in self._visited:
            number, _ = self._visited[id(value)]
            self._parts.append(f"again {number}")
            return

        # equal tuples may be one object or two, as the compiler likes
        if not _is_of(value, (tuple, frozenset)):
            self._visited[id(value)] = (len(self._visited), value)
        try:
            self._add_object(value, depth + 1, is_changed=is_changed)
        except Exception:  # noqa: BLE001 - the user's objects may raise anything when looked at
            self._parts.append(f"unreadable {_type_name(value)}")

    def _add_object(self, value: Any, depth: int, *, is_changed: bool) -> None:
        inner_objects = _inner_objects(value)
        if inner_objects is not None:
            self._parts.append(type(value).__name__)
            for inner in inner_objects:
                self._add(inner, depth, is_changed=is_changed)
        elif isinstance(value, FunctionType):
            self._add_function(value, depth)
        elif isinstance(value, type):
            self._add_class(value, depth)
        elif isinstance(value, ModuleType):
            self._parts.append(f"module {value.__name__}")
        elif isinstance(value, BuiltinFunctionType):
            self._parts.append(f"built-in {value.__module__}.{value.__qualname__}")
        elif isinstance(value, list | tuple | dict | set | frozenset):
            self._add_container(value, depth, is_changed=is_changed)
        else:
            self._add_instance(value, depth, is_changed=is_changed)

    def _add_function(self, function: FunctionType, depth: int) -> None:
        code = function.__code__
        used = _names_used(code)
        if _is_users_function(function):
            self._parts.append("function")
            self._parts += code_parts(code)
            self._add_defaults(function, depth, used)
            for name in used.globals:
                if name in function.__globals__:
                    self._add_variable(name, function.__globals__[name], depth, used)
            self._add_imported(code, depth, used)
        else:
            # the wrapper that a decorator of a package made holds the user's function
            self._parts.append(f"function {function.__module__}.{function.__qualname__}")

        cells = function.__closure__
        if cells is not None:
            for name, cell in zip(code.co_freevars, cells, strict=True):
                self._add_variable(name, _cell_value(cell), depth, used)

    def _add_defaults(self, function: FunctionType, depth: int, used: _NamesUsed) -> None:
        code = function.__code__
        defaults: dict[str, Any] = {}
        if function.__defaults__ is not None:
            names = code.co_varnames[: code.co_argcount]
            first = len(names) - len(function.__defaults__)
            defaults.update(zip(names[first:], function.__defaults__, strict=True))
        if function.__kwdefaults__ is not None:
            defaults.update(function.__kwdefaults__)
        for name, default in defaults.items():
            self._add_variable(name, default, depth, used)

    def _add_variable(self, name: str, value: Any, depth: int, used: _NamesUsed) -> None:
        """Add a global, a variable of an outer function, or a default."""
        self._parts.append(f"variable {name}")
        is_changed = name in used.changed
        if is_changed and _is_of(value, _SCALARS + _VALUES):
            # a counter
            self._parts.append(_type_name(value))
            return

        self._add(value, depth, is_changed=is_changed)
        if _is_of(value, (ModuleType,)) and _is_users(value.__name__):
            self._add_members(value, depth, used)

    def _add_members(self, module: ModuleType, depth: int, used: _NamesUsed) -> None:
        """Add the members of a module that the code may use: those whose names it has."""
        for name in used.names:
            if name in vars(module):
                self._parts.append(f"{module.__name__}.{name}")
                self._add(vars(module)[name], depth, is_changed=name in used.changed)

    def _add_imported(self, code: CodeType, depth: int, used: _NamesUsed) -> None:
        """Add the names that the code itself imports from the user's own modules."""
        for name in used.names:
            module = sys.modules.get(name)
            if module is not None and _is_users(name) and _imports(code, name):
                self._add_members(module, depth, used)

    def _add_class(self, class_: type, depth: int) -> None:
        self._parts.append(f"class {class_.__module__}.{class_.__qualname__}")
        if not _is_users(class_.__module__):
            return

        for base in class_.__bases__:
            self._add(base, depth)
        members = vars(class_)
        is_changed = _changes_itself(class_)
        for name in sorted(members):
            if name not in _GENERATED:
                self._parts.append(f"member {name}")
                self._add(members[name], depth, is_changed=is_changed)

    def _add_container(self, value: Any, depth: int, *, is_changed: bool) -> None:
        self._parts.append(_type_name(value))
        if is_changed:
            return

        self._parts.append(str(_container_type(value).__len__(value)))
        for element in _first_elements(value):
            self._add(element, depth)

    def _add_instance(self, value: Any, depth: int, *, is_changed: bool) -> None:
        class_ = type(value)
        self._add(class_, depth)
        if isinstance(value, Enum):
            self._parts.append(value.name)
            self._add(value.value, depth)
            return

        # such as the wrapper that `functools.cache` makes
        wrapped = inspect.getattr_static(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType):
            self._add(wrapped, depth)

        if dataclasses.is_dataclass(class_) and not is_changed and not _changes_itself(class_):
            for field in dataclasses.fields(class_):
                self._parts.append(f"field {field.name}")
                self._add(getattr(value, field.name), depth)
        elif hasattr(class_, "shape"):
            self._add_table(value)

    def _add_table(self, value: Any) -> None:
        """Add the shape of a table or an array, the names of its columns and its types."""
        self._parts.append(str(value.shape))
        for name in ("columns", "dtypes", "dtype"):
            description = getattr(value, name, ())
            if hasattr(type(description), "__iter__") and not isinstance(description, str):
                self._parts += [str(part) for part in itertools.islice(description, _MAX_ELEMENTS)]
            else:
                self._parts.append(str(description))


def _is_of(value: Any, types: tuple[type, ...]) -> bool:
    """Return whether a value is of a type; `isinstance` would run the code of a proxy."""
    return issubclass(type(value), types)


def _inner_objects(value: Any) -> tuple[Any, ...] | None:
    """Return the objects that an object only wraps, or None if it wraps none."""
    match value:
        case MethodType():
            return value.__func__, value.__self__
        case functools.partial():
            return value.func, value.args, value.keywords
        case staticmethod() | classmethod():
            return (value.__func__,)
        case property():
            return value.fget, value.fset, value.fdel
        case SimpleNamespace():
            return (vars(value),)
        case _:
            return None


def _container_type(value: Any) -> type[Any]:
    """Return the type in `_CONTAINERS` that a container is of, or extends."""
    return next(kind for kind in _CONTAINERS if issubclass(type(value), kind))


def _first_elements(value: Any) -> Iterator[Any]:
    """Yield the first elements of a container, in an order that is the same in every process.

    They are those of the built-in type: a class that extends it may iterate without end.
    """
    kind = _container_type(value)
    if kind is dict:
        for key in itertools.islice(dict.__iter__(value), _MAX_ELEMENTS):
            yield key
            yield dict.__getitem__(value, key)
    elif kind in (set, frozenset):
        # sorted by their text: a set has no order of its own
        if kind.__len__(value) <= _MAX_SORTED:
            texts = sorted(constant_text(element) for element in kind.__iter__(value))
            yield from texts[:_MAX_ELEMENTS]
    else:
        yield from itertools.islice(kind.__iter__(value), _MAX_ELEMENTS)


def _scalar_text(value: Any) -> str:
    if type(value) in (str, bytes):
        return f"{value[:_MAX_LENGTH]!r} {len(value)}"
    if type(value) in _SCALARS or type(value) is bool:
        return constant_text(value)
    # an object of a class that extends one of these may have any `repr`
    return _type_name(value)


def _type_name(value: Any) -> str:
    return module_name(type(value))


def _cell_value(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        # not assigned yet
        return None


def _changes_itself(class_: type) -> bool:
    """Return whether a method, other than those that make an object, changes its object."""
    for name, member in vars(class_).items():
        if name in ("__init__", "__new__", "__post_init__", "__setattr__", "__delattr__"):
            continue
        function = inspect.unwrap(getattr(member, "__func__", member))
        if not isinstance(function, FunctionType) or not function.__code__.co_argcount:
            continue
        if function.__code__.co_varnames[0] in _names_used(function.__code__).changed:
            return True
    return False


def _imports(code: CodeType, module: str) -> bool:
    """Return whether a code object, or one in it, imports a module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME" and instruction.argval == module:
            return True
    return any(_imports(inner, module) for inner in code.co_consts if isinstance(inner, CodeType))


def _is_users_function(function: FunctionType) -> bool:
    """Return whether a function is the user's own.

    The wrapper that a decorator of a package makes has the name of the user's module, but its
    code is a file of the package.
    """
    if _is_in_package(function.__code__.co_filename):
        return False
    # a function that a program made with `exec` may have the module `builtins`
    return function.__module__ == "builtins" or _is_users(function.__module__)


@functools.lru_cache(maxsize=1_000)
def _is_users(module_name: str | None) -> bool:
    """Return whether a module is the user's own: not of Python, a package, or this one."""
    if not module_name or module_name == "__main__":
        return True
    package = module_name.partition(".")[0]
    if package in sys.stdlib_module_names or package in ("builtins", "attune_nb"):
        return False

    file = getattr(sys.modules.get(module_name), "__file__", None)
    if not isinstance(file, str):
        # a notebook, or a module that a program made
        return True
    return not _is_in_package(file)


def _is_in_package(file: str) -> bool:
    """Return whether a file belongs to Python or to an installed package."""
    return file.startswith(_package_folders())


@functools.cache
def _package_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_paths()[name] for name in names}
    return tuple(folder + os.sep for folder in sorted(folders))
