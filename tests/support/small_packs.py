"""Small packs with packages of their own, which are installed without a network."""

import zipfile

from attune_nb.packs.model import PackAction, PackManifest

__all__ = ["make_pack", "make_wheel"]

ENTRY_POINTS = {"python": "run.py", "nodejs": "run.js", "shell": "run.sh", "native": "run"}


def make_wheel(folder, name, version, *, code="", requires=()):
    """Write the wheel of a package with one module; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    texts = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*texts, f"{info}/RECORD"])

    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file_name, text in texts.items():
            archive.writestr(file_name, text)
        archive.writestr(f"{info}/RECORD", record)
    return path


def make_pack(folder, *, runner="python", version=None, code="", requirements=None):
    """Write a pack with one action; return the action.

    Args:
        folder: The folder of the pack; its name is the pack's ref.
        runner: The runner of the action `run`.
        version: The action's `runtime_version`.
        code: The text of its entry point.
        requirements: The text of `requirements.txt`; None for no file.
    """
    entry_point = folder / "actions" / ENTRY_POINTS[runner]
    entry_point.parent.mkdir(parents=True)
    entry_point.write_text(code)
    file = folder / "actions" / "run.yaml"
    ref = folder.name
    fields = f"ref: {ref}.run\nrunner_type: {runner}\nentry_point: {entry_point.name}\n"
    if version is not None:
        fields += f'runtime_version: "{version}"\n'
    file.write_text(fields)
    (folder / "pack.yaml").write_text(f"ref: {ref}\nversion: 1.0.0\n")
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)

    return PackAction(
        ref=f"{ref}.run",
        pack=PackManifest(ref=ref, version="1.0.0", folder=folder),
        file=file,
        entry_point=entry_point,
        runner=runner,
        runtime_version=version,
    )
