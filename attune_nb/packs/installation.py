"""Install the packages that packs need. Only this downloads them: a run never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.packs.environments.install import install_pack
from attune_nb.packs.reading.read_pack import find_packs, read_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from attune_nb.packs.environments.cache import Environment

__all__ = ["install_packs"]


def install_packs(
    folder: str | Path,
    *,
    constraints: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Environment, ...]:
    """Install the packages of a pack, or of each pack in a folder of packs. No action runs.

    Args:
        folder: The folder of the pack or packs.
        constraints: Further limits to the versions of packages: `{"attune-sdk": "0.3.0"}`. A value
            is a version, or a range such as `<0.4`.
        progress: Called with each line of progress.

    Returns:
        The environments, new ones and those that were there.

    Raises:
        WorkflowError: The folder is no pack and holds none.
        PackError: An interpreter is missing, a manifest is invalid, or an installation failed. The
            packs before it are installed.
        ParameterError: A constraint is invalid.
    """
    environments: list[Environment] = []
    for pack_folder in find_packs(folder):
        contents = read_pack(pack_folder)
        if contents.refused and progress is not None:
            progress(f"left out, since they have problems: {', '.join(contents.refused)}")
        environments += install_pack(
            contents.manifest,
            contents.actions.values(),
            constraints=constraints,
            progress=progress,
        )
    return tuple(environments)
