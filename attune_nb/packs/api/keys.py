"""The keys that pack actions ask for: secrets by their refs, such as `jira.credentials`.

A key is searched in this order: among the keys that actions of the run have created, in `keys`,
the keystore, the environment, and the keyring of the system if the package `keyring` is installed.
"""

from __future__ import annotations

import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.errors import nearest
from attune_nb.packs.api.replies import ApiError, check_ref, now
from attune_nb.values.frozen import thaw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["KEYRING_SERVICE", "VARIABLE_PREFIX", "Key", "KeyRequest", "KeyUpdate", "Keys"]

VARIABLE_PREFIX = "ATTUNE_KEY_"
"""`ATTUNE_KEY_JIRA_CREDENTIALS` holds the key `jira.credentials`."""

KEYRING_SERVICE = "attune"
"""The service under which the keyring of the system holds keys, by their refs."""

# the owner of keys that belong to no pack; the older platform leaves it out of their refs
_SYSTEM = "system"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key in the platform's shape.

    Attributes:
        id: A number, from 1, of this run.
        ref: The ref of the request.
        value: The secret: any JSON value.
    """

    id: int
    ref: str
    local_ref: str
    name: str
    owner_type: str
    owner: str | None
    owner_pack_ref: str | None
    owner_action_ref: str | None
    encrypted: bool
    value: Any
    created: str
    updated: str


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /keys`. The older platform sends `ref`, the newer one `local_ref`."""

    value: Any
    ref: str | None = None
    local_ref: str | None = None
    name: str | None = None
    owner_type: str = _SYSTEM
    owner: str | None = None
    owner_pack_ref: str | None = None
    owner_action_ref: str | None = None
    encrypted: bool = True

    @property
    def full_ref(self) -> str | None:
        """The ref of the new key; None if the request has neither of the two names."""
        if self.ref:
            return self.ref
        if not self.local_ref:
            return None

        owners = (self.owner_action_ref, self.owner_pack_ref, self.owner)
        for owner in owners:
            if owner:
                return f"{owner}.{self.local_ref}"
        return f"{_SYSTEM}.{self.local_ref}"


class KeyUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `PUT /keys/{ref}`."""

    value: Any = msgspec.UNSET
    name: str | None = None
    encrypted: bool | None = None


class _Owners(NamedTuple):
    """The owners of a key; those of the system have none."""

    owner: str | None = None
    pack_ref: str | None = None
    action_ref: str | None = None


class Keys:
    """The keys of one run. Threads may share it.

    Attributes:
        on_secret: Called with the ref and the value of a key that was unknown at the start of the
            run, before an action gets it.

    Args:
        keys: Values by ref: `jira.credentials` is the key of this name, or the field `credentials`
            of the key `jira`.
        keystore: The run's keystore, likewise.
        environ: The environment, by default that of this process.
    """

    def __init__(
        self,
        keys: Mapping[str, Any] | None = None,
        keystore: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if keys is None:
            keys = {}
        if keystore is None:
            keystore = {}
        if environ is None:
            environ = os.environ

        self.on_secret: Callable[[str, Any], None] | None = None
        self._keys = keys
        self._keystore = keystore
        self._variables = {
            name: text for name, text in environ.items() if name.startswith(VARIABLE_PREFIX)
        }
        self._answered: dict[str, Key] = {}
        self._lock = threading.Lock()

    def known_secrets(self) -> dict[str, Any]:
        """Return the values that are known before the run, without those of the keystore."""
        secrets = {name: read_text(text) for name, text in self._variables.items()}
        return {**secrets, **self._keys}

    def find(self, ref: str) -> Key:
        """Return the key of a ref.

        Raises:
            ApiError: There is no such key; the message lists the places for one.
        """
        check_ref(ref, "a key")
        with self._lock:
            key = self._find_answered(ref)
            if key is not None:
                return key

            for name in _equivalent_refs(ref):
                # the first source that has the key counts
                for value in self._known_values(name):
                    return self._add(ref, value)
            for name in _equivalent_refs(ref):
                text = _find_in_keyring(name)
                if text is not None:
                    return self._add_secret(ref, read_text(text))

        hint = nearest(ref, [*self._keys, *self._keystore])
        raise ApiError(404, "NOT_FOUND", _describe_missing(ref, hint))

    def create(self, request: KeyRequest) -> Key:
        """Add a key for the rest of the run.

        Raises:
            ApiError: The request has no name, or there is such a key.
        """
        ref = request.full_ref
        if ref is None:
            raise ApiError(400, "BAD_REQUEST", "the key has no name: pass `local_ref` or `ref`")
        check_ref(ref, "a key")

        with self._lock:
            if self._find_answered(ref) is not None or ref in self._keys:
                raise ApiError(409, "CONFLICT", f"there is a key `{ref}`")
            return self._add_secret(
                ref, request.value, name=request.name, encrypted=request.encrypted
            )

    def update(self, ref: str, update: KeyUpdate) -> Key:
        """Change a key for the rest of the run.

        Raises:
            ApiError: There is no such key.
        """
        key = self.find(ref)
        changes: dict[str, Any] = {"updated": now()}
        if update.value is not msgspec.UNSET:
            self._report(key.ref, update.value)
            changes["value"] = update.value
        if update.name is not None:
            changes["name"] = update.name
        if update.encrypted is not None:
            changes["encrypted"] = update.encrypted

        with self._lock:
            changed = msgspec.structs.replace(key, **changes)
            self._answered[key.ref] = changed
            return changed

    def _find_answered(self, ref: str) -> Key | None:
        for name in _equivalent_refs(ref):
            if name in self._answered:
                return self._answered[name]
        return None

    def _known_values(self, ref: str) -> Iterator[Any]:
        """Yield the values of a ref that are known at the start, in the order of their sources."""
        yield from _find_in(self._keys, ref)
        yield from _find_in(self._keystore, ref)
        variable = _variable_of(ref)
        if variable in self._variables:
            yield read_text(self._variables[variable])

    def _add_secret(
        self, ref: str, value: Any, *, name: str | None = None, encrypted: bool = True
    ) -> Key:
        self._report(ref, value)
        return self._add(ref, value, name=name, encrypted=encrypted)

    def _report(self, ref: str, value: Any) -> None:
        if self.on_secret is not None:
            self.on_secret(ref, value)

    def _add(self, ref: str, value: Any, *, name: str | None = None, encrypted: bool = True) -> Key:
        owner, _, local_ref = ref.rpartition(".")
        is_system = owner in ("", _SYSTEM)
        owner_type = _SYSTEM
        if not is_system:
            owner_type = "action" if "." in owner else "pack"

        value = thaw(value)
        try:
            msgspec.json.encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            # an object in the keystore
            message = f"the key `{ref}` is no value that JSON can hold"
            raise ApiError(500, "INTERNAL_ERROR", message) from None

        if name is None:
            name = local_ref
        owners = _Owners()
        if not is_system:
            action_ref = owner if owner_type == "action" else None
            owners = _Owners(owner, owner.partition(".")[0], action_ref)

        time = now()
        key = Key(
            id=len(self._answered) + 1,
            ref=ref,
            local_ref=local_ref,
            name=name,
            owner_type=owner_type,
            owner=owners.owner,
            owner_pack_ref=owners.pack_ref,
            owner_action_ref=owners.action_ref,
            encrypted=encrypted,
            value=value,
            created=time,
            updated=time,
        )
        self._answered[ref] = key
        return key


def read_text(text: str) -> Any:
    """Return the value of a key that is held as text: an object or an array is read as JSON."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _variable_of(ref: str) -> str:
    return f"{VARIABLE_PREFIX}{re.sub('[^A-Za-z0-9]', '_', ref).upper()}"


def _equivalent_refs(ref: str) -> list[str]:
    """Return a ref, and the ref of the same key in the other generation of the platform."""
    if ref.startswith(f"{_SYSTEM}."):
        return [ref, ref.removeprefix(f"{_SYSTEM}.")]
    if "." not in ref:
        return [ref, f"{_SYSTEM}.{ref}"]
    return [ref]


def _find_in(keys: Mapping[str, Any], ref: str) -> Iterator[Any]:
    """Yield the value of a ref, or of its parts one within the other, if there is one."""
    if ref in keys:
        yield keys[ref]
        return

    value: Any = dict(keys)
    for name in ref.split("."):
        if not isinstance(value, dict) or name not in value:
            return
        value = value[name]
    yield value


def _find_in_keyring(ref: str) -> str | None:
    """Return the password of a ref in the keyring of the system, if there is one."""
    try:
        import keyring  # noqa: PLC0415 - an optional package
    except ImportError:
        return None
    try:
        text: str | None = keyring.get_password(KEYRING_SERVICE, ref)
    except Exception:  # noqa: BLE001 - a locked keyring, none, or any other error of its programs
        return None
    return text


def _describe_missing(ref: str, hint: str) -> str:
    return (
        f"there is no key `{ref}`: pass it with the run (`keys={{{ref!r}: ...}}`), or put it into "
        f"the keystore, the variable {_variable_of(ref)} or the keyring of the system (service "
        f"`{KEYRING_SERVICE}`){hint}"
    )
