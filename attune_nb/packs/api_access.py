"""How the attempts of a run reach its loopback API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.packs.process.pack_function import PackFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.packs.options import PackOptions

__all__ = ["ApiAccess"]


class ApiAccess(msgspec.Struct):
    """The address of a run's API, known from the moment at which its server listens.

    The actions of a workflow within another one get it when they begin, in any process: it is
    pickled with them.

    Attributes:
        url: The address.
        key: The run's own secret, from which each attempt gets a token.
        artifacts_folder: The folder that actions write their artifacts to.
        machine: The machine on which the address works, see `packs.machine`.
    """

    url: str | None = None
    key: str = ""
    artifacts_folder: str | None = None
    machine: str = ""

    def __repr__(self) -> str:
        return f"ApiAccess({self.url!r})"

    def equip(self, actions: Mapping[str, Action], *, nested: bool = False) -> dict[str, Action]:
        """Return actions of which those of packs know the API.

        Args:
            actions: The actions by the path of their task.
            nested: Whether these are the tasks of a workflow within another one.
        """
        equipped = {}
        for path, action in actions.items():
            task = "" if nested else path
            equipped[path] = self._equip_one(action, task)
        return equipped

    def _equip_one(self, action: Action, task: str) -> Action:
        function = action.function
        if not isinstance(function, PackFunction):
            return action
        equipped = PackFunction(function.action, self._fill(function.options), task)
        return msgspec.structs.replace(action, function=equipped)

    def _fill(self, options: PackOptions) -> PackOptions:
        return msgspec.structs.replace(
            options,
            api_url=self.url,
            api_key=self.key,
            api_machine=self.machine,
            artifacts_folder=self.artifacts_folder,
        )
