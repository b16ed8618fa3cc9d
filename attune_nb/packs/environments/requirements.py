"""The packages that a pack needs, and those of them that a Python lacks.

`requirements.txt` is read as pip reads it: comments, lines that continue, markers, extras, URLs,
`-r` and options. A requirement is met if pip would install nothing for it: the package is there,
its version fits, and its own dependencies are there, too.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from importlib.metadata import Distribution
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from attune_nb.errors import ParameterError, Position, Problem, Source, nearest
from attune_nb.html import printable
from attune_nb.packs.environments.pack_texts import UnreadableFileError, read_pack_text
from attune_nb.values.describe import describe, describe_with_value
from attune_nb.values.named_values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from attune_nb.packs.environments.programs import Python

__all__ = [
    "Constraints",
    "PackRequirement",
    "Requirements",
    "find_unmet",
    "read_constraints",
    "read_requirements",
    "split_constraints",
]

FILE_NAME = "requirements.txt"

# canonical name of a package -> the versions that are allowed
Constraints = dict[str, SpecifierSet]

# bytes of a file of requirements, and the number of files
_MAX_SIZE = 1_000_000
_MAX_FILES = 50
# lines that name a package, and characters of such a line
_MAX_ENTRIES = 2_000
_MAX_LINE = 2_000
# files of a package in the pack whose times are looked at
_MAX_SOURCE_FILES = 2_000

_COMMENT = re.compile(r"(^|\s)#.*$")
# options behind a requirement, such as `--hash=sha256:...`
_LINE_OPTION = re.compile(r"\s--[a-z].*$")
_FILE_OPTION = re.compile(
    r"(?P<name>-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<path>\S.*)"
)
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s+)(?P<source>\S.*)")
# user and password in a URL
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_EGG = re.compile(r"[#&]egg=([\w.-]+)")

# options of pip that change where packages come from, not which are needed
_SOURCE_OPTIONS = (
    "-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--no-binary",
    "--only-binary", "--prefer-binary", "--require-hashes", "--pre", "--trusted-host",
    "--use-feature",
)  # fmt: skip


class PackRequirement(msgspec.Struct, frozen=True):
    """One line of `requirements.txt`.

    Attributes:
        text: The line without its comment and options, and without a password.
        position: Its place in the file.
        requirement: The package; None if the line is a path or a URL without a name.
    """

    text: str
    position: Position
    requirement: Requirement | None


class Requirements(msgspec.Struct, frozen=True):
    """The content of a pack's `requirements.txt` and of the files that it names.

    Attributes:
        entries: The packages.
        texts: The texts of all files, and the state of the packages that are named by a path: they
            identify an environment.
        limits: The constraints of the files after `-c`.
        problems: Lines that cannot be read.
    """

    entries: tuple[PackRequirement, ...] = ()
    texts: tuple[str, ...] = ()
    limits: Mapping[str, SpecifierSet] = {}
    problems: tuple[Problem, ...] = ()


def read_requirements(folder: Path) -> Requirements:
    """Return the requirements of the pack in a folder; none without `requirements.txt`."""
    reader = _Reader(folder)
    path = folder / FILE_NAME
    if path.is_symlink() or path.exists():
        reader.read(path, None)
    return Requirements(
        tuple(reader.entries), tuple(reader.texts), reader.limits, tuple(reader.problems)
    )


def read_constraints(constraints: Mapping[str, str] | None) -> Constraints:
    """Return the limits for a user's constraints: package -> version, or a range such as `<0.4`.

    Raises:
        ParameterError: A name or a version is invalid.
    """
    if constraints is None:
        return {}
    if not is_mapping(constraints):
        raise ParameterError(
            '`constraints` must be an object such as {"attune-sdk": "0.3.0"}, not '
            f"{describe(constraints)}"
        )

    limits = {}
    for name, text in constraints.items():
        limits[_package_name(name)] = _read_limit(name, text)
    return limits


def split_constraints(texts: Iterable[str] | None) -> dict[str, str] | None:
    """Return package -> versions for options such as `attune-sdk==0.3.0`; None without options.

    Several constraints of a package must all hold.

    Raises:
        ParameterError: A text is no constraint.
    """
    if not texts:
        return None

    limits: Constraints = {}
    for text in texts:
        requirement = _split_constraint(text)
        name = canonicalize_name(requirement.name)
        limits[name] = limits.get(name, SpecifierSet()) & requirement.specifier
    return {name: str(limit) for name, limit in limits.items()}


def _split_constraint(text: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is None or not requirement.specifier or requirement.url or requirement.marker:
        raise ParameterError(
            f"the constraint `{text}` must be a package with a version, such as "
            "`attune-sdk==0.3.0` or `attune-sdk<0.4`"
        )
    return requirement


def find_unmet(
    requirements: Requirements, python: Python, constraints: Constraints
) -> list[tuple[PackRequirement, str]]:
    """Return the requirements that a Python does not meet, each with the reason.

    Args:
        requirements: The requirements of a pack.
        python: The Python.
        constraints: Further limits to the versions.
    """
    check = _Check(python, {**requirements.limits, **constraints})
    unmet = []
    for entry in requirements.entries:
        reason = check.explain(entry)
        if reason is not None:
            unmet.append((entry, reason))
    return unmet


def _package_name(name: object) -> str:
    if not isinstance(name, str):
        raise ParameterError(
            f"`constraints`: the name of a package must be a string, not "
            f"{describe_with_value(name)}"
        )
    try:
        return canonicalize_name(name, validate=True)
    except ValueError:
        raise ParameterError(f"`constraints`: `{name}` is no name of a package") from None


def _read_limit(name: str, text: object) -> SpecifierSet:
    """Return the versions that a constraint allows: a bare version allows itself."""
    advice = 'write a version such as "0.3.0", or a range such as ">=0.3,<0.4"'
    if not isinstance(text, str):
        raise ParameterError(f"`constraints`, `{name}`: {advice}, not {describe_with_value(text)}")
    try:
        Version(text)
    except InvalidVersion:
        specifier = text
    else:
        specifier = f"=={text}"

    try:
        limit = SpecifierSet(specifier)
    except InvalidSpecifier:
        limit = SpecifierSet()
    if not len(limit):
        raise ParameterError(f"`constraints`, `{name}`: `{text}` is no version; {advice}")
    return limit


class _Reader:
    """Reads a file of requirements, and the files that it names, inside one folder."""

    def __init__(self, folder: Path) -> None:
        self.entries: list[PackRequirement] = []
        self.texts: list[str] = []
        self.limits: Constraints = {}
        self.problems: list[Problem] = []
        self._folder = folder
        self._files: set[str] = set()

    def read(self, path: Path, origin: Position | None, *, is_constraint: bool = False) -> None:
        """Read one file; `origin` is the line that names it."""
        # links may give a file several names
        real_path = os.path.realpath(path)
        if real_path in self._files:
            return
        self._files.add(real_path)
        if len(self._files) > _MAX_FILES:
            self._add_problem(f"more than {_MAX_FILES} files of requirements", origin)
            return

        try:
            text = read_pack_text(path, self._folder, _MAX_SIZE)
        except UnreadableFileError as error:
            self._add_problem(str(error), origin)
            return
        self.texts.append(text)
        source = Source(str(path), text)
        for number, line in _joined_lines(text):
            if len(self.entries) >= _MAX_ENTRIES:
                self._add_problem(f"more than {_MAX_ENTRIES:,} requirements", origin)
                return
            self._read_line(line, Position(source, number, 1), path.parent, is_constraint)

    def _read_line(self, line: str, position: Position, folder: Path, is_constraint: bool) -> None:
        file_option = _FILE_OPTION.fullmatch(line)
        if file_option:
            self._read_file_option(file_option, position, folder, is_constraint)
            return

        editable = _EDITABLE.fullmatch(line)
        if editable:
            self._add_source(line, editable["source"], position)
            return

        if line.startswith("-"):
            option = re.split(r"[\s=]", line, maxsplit=1)[0]
            if option not in _SOURCE_OPTIONS:
                hint = nearest(option, _SOURCE_OPTIONS)
                message = f"`{_shown(option[:50])}` is no option of a file of requirements{hint}"
                self._add_problem(message, position)
            return

        text = _LINE_OPTION.sub("", line).strip()
        if len(text) > _MAX_LINE:
            self._add_problem(f"a requirement has at most {_MAX_LINE:,} characters", position)
            return
        if _is_source(text):
            self._add_source(text, text, position)
            return
        self._add_requirement(text, position, is_constraint)

    def _read_file_option(
        self, match: re.Match[str], position: Position, folder: Path, is_constraint: bool
    ) -> None:
        path = match["path"].strip().strip("\"'")
        if "://" in path:
            self._add_problem(f"`{_shown(path)}`: copy this file into the pack", position)
            return
        if match["name"] in ("-c", "--constraint"):
            is_constraint = True
        self.read(folder / path, position, is_constraint=is_constraint)

    def _add_requirement(self, text: str, position: Position, is_constraint: bool) -> None:
        shown = _shown(text)
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            reason = str(error).partition("\n")[0]
            self._add_problem(f"`{shown[:200]}` is no requirement: {reason}", position)
            return

        if not is_constraint:
            self.entries.append(PackRequirement(shown, position, requirement))
            return
        name = canonicalize_name(requirement.name)
        self.limits[name] = self.limits.get(name, SpecifierSet()) & requirement.specifier

    def _add_source(self, line: str, source: str, position: Position) -> None:
        """Add a package by its path or URL: its name may be in it."""
        shown = _shown(line)
        if "://" not in source:
            self.texts.append(_describe_state(self._folder / source.partition(";")[0].strip()))
        self.entries.append(PackRequirement(shown, position, _named_source(source)))

    def _add_problem(self, message: str, position: Position | None) -> None:
        self.problems.append(Problem(message, position))


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line that is not empty; a backslash continues a line."""
    first_number = 0
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not parts:
            first_number = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue

        parts.append(line)
        joined = _COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if joined:
            yield first_number, joined

    joined = _COMMENT.sub("", "".join(parts)).strip()
    if joined:
        yield first_number, joined


def _shown(text: str) -> str:
    """Return a text of the file as messages have it: without passwords and escape characters."""
    return printable(_CREDENTIALS.sub("//***@", text))


def _describe_state(path: Path) -> str:
    """Return a text that changes with the files of a package in the pack."""
    paths = [path]
    with suppress(OSError):
        paths += islice(path.rglob("*"), _MAX_SOURCE_FILES)

    newest = 0
    for file in paths:
        with suppress(OSError):
            newest = max(newest, file.stat().st_mtime_ns)
    return f"{path.absolute()} {newest}"


def _is_source(text: str) -> bool:
    """Return whether a line is a path or a URL, not the name of a package."""
    if " @ " in text or re.match(r"[\w.-]+(\[[^\]]*\])?\s*@", text):
        return False
    first_word = text.partition(";")[0].strip()
    is_path = first_word.startswith((".", "/")) or "/" in first_word
    is_archive = first_word.endswith((".whl", ".tar.gz", ".zip"))
    return is_path or is_archive


def _named_source(source: str) -> Requirement | None:
    """Return the package of a path or URL if it names one: a wheel with its version, an egg."""
    egg = _EGG.search(source)
    if egg and "://" in source:
        return Requirement(f"{egg[1]} @ {source}")

    file_name = source.partition("#")[0].partition(";")[0].strip().rpartition("/")[2]
    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return None
    return Requirement(f"{name}=={version}")


class _InstalledPackage(msgspec.Struct, frozen=True):
    """A package in the folders of a Python.

    Attributes:
        version: Its version.
        dependencies: Its own dependencies, as its metadata has them.
        origin: The text of `direct_url.json`, if it was installed from a URL.
    """

    version: Version
    dependencies: tuple[str, ...]
    origin: str | None


class _Check:
    """Looks requirements up in the folders of a Python."""

    def __init__(self, python: Python, limits: Mapping[str, SpecifierSet]) -> None:
        self._python = python
        self._limits = limits
        # packages, with their extras, whose dependencies were returned
        self._seen: set[tuple[str, frozenset[str]]] = set()

    def explain(self, entry: PackRequirement) -> str | None:
        """Return why a requirement is not met, or None if it is."""
        requirement = entry.requirement
        if requirement is None:
            return "is a path or a URL, so it cannot be compared with what is installed"
        if not self._applies(requirement, ""):
            return None

        waiting = [(requirement, "")]
        while waiting:
            needed, dependent = waiting.pop()
            package = self._find(needed.name)
            reason = self._explain_package(needed, package)
            if reason is not None:
                if dependent:
                    return (
                        f"needs `{needed.name}{needed.specifier}` for {dependent}, which {reason}"
                    )
                return reason
            if package is not None:
                waiting += self._find_dependencies(needed, package)
        return None

    def _explain_package(
        self, needed: Requirement, package: _InstalledPackage | None
    ) -> str | None:
        if package is None:
            return "is not installed"

        version = package.version
        if needed.url is not None and not _is_from(package, needed.url):
            return f"is not installed from there; version {version} is installed"

        limit = self._limits.get(canonicalize_name(needed.name), SpecifierSet())
        if not needed.specifier.contains(version, prereleases=True):
            return f"is not installed in this version; {version} is"
        if not limit.contains(version, prereleases=True):
            return f"must be `{limit}` by the constraints; version {version} is installed"
        return None

    def _find_dependencies(
        self, needed: Requirement, package: _InstalledPackage
    ) -> list[tuple[Requirement, str]]:
        """Return the dependencies of a package; none if they were returned before."""
        key = (canonicalize_name(needed.name), frozenset(needed.extras))
        if key in self._seen:
            return []
        self._seen.add(key)

        dependencies = []
        for text in package.dependencies:
            try:
                dependency = Requirement(text)
            except InvalidRequirement:
                continue
            if any(self._applies(dependency, extra) for extra in ("", *needed.extras)):
                dependencies.append((dependency, f"`{needed.name}`"))
        return dependencies

    def _applies(self, requirement: Requirement, extra: str) -> bool:
        if requirement.marker is None:
            return True
        try:
            return requirement.marker.evaluate({**self._python.markers, "extra": extra})
        except (UndefinedComparison, UndefinedEnvironmentName):
            return True

    def _find(self, name: str) -> _InstalledPackage | None:
        """Return the first package of this name in the folders of the Python."""
        for distribution in Distribution.discover(name=name, path=list(self._python.paths)):
            package = _read_package(distribution)
            if package is not None:
                return package
        return None


def _read_package(distribution: Distribution) -> _InstalledPackage | None:
    """Return an installed package; None for the remains of one, or damaged metadata."""
    try:
        metadata = distribution.metadata
        if not metadata or "Version" not in metadata:
            return None

        version = Version(metadata["Version"])
        dependencies = metadata.get_all("Requires-Dist")
        if dependencies is None:
            # packages of an older format have them in a file of their own
            dependencies = distribution.requires
        if dependencies is None:
            dependencies = []
        origin = distribution.read_text("direct_url.json")
    except (OSError, UnicodeDecodeError, InvalidVersion):
        return None
    return _InstalledPackage(version, tuple(dependencies), origin)


def _is_from(package: _InstalledPackage, url: str) -> bool:
    """Return whether a package was installed from a URL, by the record that pip leaves."""
    if package.origin is None:
        return False
    try:
        origin = msgspec.json.decode(package.origin, type=_Origin)
    except msgspec.MsgspecError:
        return False

    address = url.partition("#")[0]
    if origin.vcs_info is not None:
        address = address.removeprefix(f"{origin.vcs_info.vcs}+")
        revision = origin.vcs_info.requested_revision
        if revision is not None:
            origin_url = f"{origin.url}@{revision}"
            return _without_credentials(address) == _without_credentials(origin_url)
    return _without_credentials(address) == _without_credentials(origin.url)


def _without_credentials(url: str) -> str:
    return _CREDENTIALS.sub("//", url)


class _Revision(msgspec.Struct):
    """The `vcs_info` of `direct_url.json`."""

    vcs: str
    requested_revision: str | None = None


class _Origin(msgspec.Struct):
    """The fields of `direct_url.json` that say where a package came from."""

    url: str
    vcs_info: _Revision | None = None
