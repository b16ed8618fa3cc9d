"""The options that all commands which run something read in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.cli.action_files import load_action_files
from attune_nb.cli.log_commands import read_logs_option
from attune_nb.cli.secrets import read_secrets
from attune_nb.cli.values import read_mocks
from attune_nb.otel import reader_from_environment
from attune_nb.running.answers import read_answer_options
from attune_nb.running.open_packs import open_packs

if TYPE_CHECKING:
    from attune_nb.cli.options import (
        Actions,
        Answers,
        Concurrency,
        Keystore,
        Logs,
        Mock,
        Otel,
        Packs,
        PassEnv,
        Secret,
        SecretEnv,
        Workers,
    )

__all__ = ["read_shared_options"]


def read_shared_options(
    *,
    actions: Actions,
    allow_imports: bool,
    workers: Workers,
    concurrency: Concurrency,
    answer: Answers,
    mock: Mock,
    keystore: Keystore,
    secret: Secret,
    secret_env: SecretEnv,
    packs: Packs,
    pass_env: PassEnv,
    logs: Logs,
    otel: Otel,
    as_json: bool,
    attended: bool,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the options of a run, and the secrets that have a name on the command line.

    An option that was left out is not among them, so that a resumed or repeated run keeps its
    own. Secrets are asked for last, when all other options are known to be usable.

    Raises:
        AttuneError: One cannot be used.
    """
    options: dict[str, Any] = {}
    if workers is not None:
        options["workers"] = workers
    if concurrency is not None:
        options["concurrency"] = concurrency
    if answer:
        options["answers"] = read_answer_options(answer)
    if mock:
        options["mock"] = read_mocks(mock)
    options["actions"] = load_action_files(actions)
    options["allow_imports"] = allow_imports
    if packs:
        options["packs"] = open_packs(packs)
    if pass_env:
        options["pass_env"] = pass_env
    if attended:
        options["attended"] = True
    options["logs"] = read_logs_option(logs, as_json=as_json)
    if otel:
        options["readers"] = [reader_from_environment()]

    all_secrets, named_secrets = read_secrets(keystore, secret, secret_env)
    if all_secrets is not None:
        options["keystore"] = all_secrets
    return options, named_secrets
