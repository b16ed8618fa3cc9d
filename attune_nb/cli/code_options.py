"""The options that no record holds: where the actions and the secrets of a run come from."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from attune_nb.cli.secrets import is_written_out

if TYPE_CHECKING:
    from attune_nb.cli.options import Actions, Keystore, Packs, PassEnv, Secret, SecretEnv

__all__ = ["format_code_options"]


def format_code_options(
    *,
    actions: Actions,
    packs: Packs,
    pass_env: PassEnv,
    keystore: Keystore,
    secret: Secret,
    secret_env: SecretEnv,
    allow_imports: bool,
) -> str:
    """Return the options that a resumed run needs again, as the words of a command line.

    No record holds them. A keystore that was written into the line is left out.
    """
    words: list[str] = []
    if allow_imports:
        words.append("--allow-imports")
    if keystore is not None and not is_written_out(keystore):
        words += ["--keystore", keystore]

    for option, values in (
        ("--actions", actions),
        ("--pack", packs),
        ("--pass-env", pass_env),
        ("--secret", secret),
        ("--secret-env", secret_env),
    ):
        for value in values or ():
            words += [option, str(value)]

    return "".join(f" {shlex.quote(word)}" for word in words)
