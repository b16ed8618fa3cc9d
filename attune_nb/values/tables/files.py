"""Tables in files: `.npy` for an array, `.arrow` (Arrow IPC) with pyarrow, `.npz` without it.

No file is a pickle, and to read one runs no code of it. A file is read back and compared with the
table before it counts, so what is read later is equal: in values, types, index and order.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import sys
from typing import TYPE_CHECKING, Any

from attune_nb.values.tables.cells import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from attune_nb.values.tables.cells import CellCodec
    from attune_nb.values.tables.layout import Layout

    Write = Callable[[Any, BinaryIO, CellCodec], None]

__all__ = [
    "FORMATS",
    "decode_table",
    "encode_table",
    "is_equal_table",
    "is_like_table_type",
    "is_table_type",
    "read_arrow",
    "read_table",
    "write_arrow",
    "write_table",
]

FORMATS = ("npy", "npz", "arrow")
"""The formats, which are the suffixes of the files."""

# the exact types of tables: module, names
_TABLE_TYPES = (
    ("pandas", ("DataFrame", "Series")),
    ("numpy", ("ndarray",)),
    ("pyarrow", ("Table",)),
)

# types that are used like tables, which no file holds
_SIMILAR_TYPES = (
    ("pandas", ("Index",)),
    ("pyarrow", ("Array", "ChunkedArray", "RecordBatch")),
    ("polars", ("DataFrame", "LazyFrame", "Series")),
)

# the entry of a schema of Arrow, or of an archive of arrays, that holds the header
_HEADER = "attune_nb"

# the kinds of NumPy's types that a file `.npy` holds
_ARRAY_KINDS = "biufcmMSUV"


def is_table_type(kind: type) -> bool:
    """Return whether a type is that of a table which a file can hold."""
    return any(kind is table_type for table_type in _loaded_types(_TABLE_TYPES))


def is_like_table_type(kind: type) -> bool:
    """Return whether a type is that of a table, also of one that no file can hold.

    That is a subclass, which may have attributes of its own, or a table of another library.
    """
    table_types = _loaded_types(_TABLE_TYPES + _SIMILAR_TYPES)
    return any(issubclass(kind, table_type) for table_type in table_types)


def _loaded_types(names_by_module: Sequence[tuple[str, Sequence[str]]]) -> Iterator[type]:
    """Yield types of the modules that are imported: without a module there is no such object."""
    for module_name, names in names_by_module:
        module = sys.modules.get(module_name)
        for name in names:
            loaded = getattr(module, name, None)
            if isinstance(loaded, type):
                yield loaded


def is_equal_table(left: Any, right: Any) -> bool:
    """Return whether two tables are equal in values, types, labels and order."""
    from attune_nb.values.tables.layout import is_same_table  # noqa: PLC0415 - imports pandas

    if type(left).__module__.partition(".")[0] == "pyarrow":
        return bool(left.equals(right, check_metadata=True))
    return is_same_table(left, right)


def write_table(value: Any, path: Path, cells: CellCodec) -> str:
    """Write a table to a new file; return the format.

    Args:
        value: A value of one of the types that `is_table_type` accepts.
        path: The file.
        cells: Turns objects into texts.

    Raises:
        TableError: It cannot be written so that it is read as an equal one.
        OSError: The file cannot be written.
    """

    def write_to_path(write: Write, file_format: str) -> Any:
        with path.open("wb") as file:
            write(value, file, cells)
        return read_table(path, file_format, cells)

    return _write_exactly(value, write_to_path)


def encode_table(value: Any, cells: CellCodec) -> tuple[str, bytes]:
    """Return the format and the bytes of the file of a small table.

    Raises:
        TableError: It cannot be written so that it is read as an equal one.
    """
    data = b""

    def write_to_memory(write: Write, file_format: str) -> Any:
        nonlocal data
        file = io.BytesIO()
        write(value, file, cells)
        data = file.getvalue()
        return decode_table(data, file_format, cells)

    return _write_exactly(value, write_to_memory), data


def _write_exactly(value: Any, write_and_read: Callable[[Write, str], Any]) -> str:
    """Write a table in the first format in which it is read as an equal one; return the format.

    Raises:
        TableError: There is none.
    """
    from attune_nb.values.tables.layout import is_same_table  # noqa: PLC0415 - imports pandas

    reasons = []
    for file_format, write in _writers(value):
        try:
            if is_same_table(value, write_and_read(write, file_format)):
                return file_format
            reasons.append("it would not be read as it is")
        except OSError:
            raise
        except TableError as error:
            reasons.append(str(error))
        except Exception as error:  # noqa: BLE001 - pandas and Arrow raise errors of many types
            reasons.append(f"{type(error).__name__}: {error}")
    raise TableError(reasons[0])


def _writers(value: Any) -> Iterator[tuple[str, Write]]:
    """Yield the formats that may hold a table, the best first."""
    kind = type(value)
    if kind.__module__ == "numpy":
        if value.dtype.kind in _ARRAY_KINDS and not value.dtype.hasobject:
            yield "npy", _write_npy
        else:
            yield "npz", _write_npz
        return

    if importlib.util.find_spec("pyarrow") is not None:
        yield "arrow", write_arrow
    if kind.__module__.partition(".")[0] == "pandas":
        yield "npz", _write_npz


def read_table(path: Path, file_format: str, cells: CellCodec) -> Any:
    """Return the table of a file.

    Raises:
        ImportError: The file needs pyarrow, which is not installed.
        TableError: The file is damaged.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return _read(file, file_format, cells)


def decode_table(data: bytes, file_format: str, cells: CellCodec) -> Any:
    """Return the table of the bytes of its file.

    Raises:
        ImportError: The bytes need pyarrow, which is not installed.
        TableError: They are damaged.
    """
    return _read(io.BytesIO(data), file_format, cells)


def _read(file: BinaryIO, file_format: str, cells: CellCodec) -> Any:
    read = _READERS.get(file_format)
    if read is None:
        raise TableError(f"`{file_format}` is no format of a table")
    try:
        return read(file, cells)
    except (OSError, ImportError, TableError):
        raise
    except Exception as error:
        # the bytes of a damaged file may lead to any error
        raise TableError(f"{type(error).__name__}: {error}") from error


def _write_npy(value: Any, file: BinaryIO, _: CellCodec) -> None:
    import numpy as np  # noqa: PLC0415 - slow to import; a table exists, so it is there

    np.lib.format.write_array(file, value, allow_pickle=False)


def _read_npy(file: BinaryIO, _: CellCodec) -> Any:
    import numpy as np  # noqa: PLC0415 - slow to import

    return np.lib.format.read_array(file, allow_pickle=False)


def _write_npz(value: Any, file: BinaryIO, cells: CellCodec) -> None:
    """Write an archive of arrays: the header, and an entry or two for each part."""
    import numpy as np  # noqa: PLC0415 - slow to import; a table exists, so it is there

    from attune_nb.values.tables.layout import split_table  # noqa: PLC0415 - as above

    layout = split_table(value, cells)
    header = {**layout.header, "names": layout.names}
    import zipfile  # noqa: PLC0415 - slow to import, and of use for tables only

    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_HEADER), json.dumps(header).encode())
        for number, part in enumerate(layout.parts):
            arrays = {str(number): part}
            if isinstance(part, list):
                arrays = _pack_texts(number, part)
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)


def _pack_texts(number: int, texts: list[str | None]) -> dict[str, Any]:
    """Return texts as two arrays: all their bytes, and the length of each, -1 for a missing one."""
    import numpy as np  # noqa: PLC0415 - slow to import; a table exists, so it is there

    encoded = [b"" if text is None else text.encode() for text in texts]
    lengths = [-1 if text is None else len(data) for text, data in zip(texts, encoded, strict=True)]
    return {
        f"{number}-text": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{number}-lengths": np.array(lengths, dtype=np.int64),
    }


def _unpack_texts(data: bytes, lengths: list[int]) -> list[str | None]:
    texts: list[str | None] = []
    start = 0
    for length in lengths:
        if length < 0:
            texts.append(None)
            continue
        texts.append(data[start : start + length].decode())
        start += length
    if start != len(data):
        raise TableError("the lengths of texts are not those of their bytes")
    return texts


def _read_npz(file: BinaryIO, cells: CellCodec) -> Any:
    import zipfile  # noqa: PLC0415 - slow to import, and of use for tables only

    import numpy as np  # noqa: PLC0415 - slow to import

    from attune_nb.values.tables.layout import join_table  # noqa: PLC0415 - imports pandas

    with zipfile.ZipFile(file) as archive:
        entries = archive.namelist()
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise TableError("an entry is compressed")

        def read_array(name: str) -> Any:
            with archive.open(f"{name}.npy") as entry:
                return np.lib.format.read_array(entry, allow_pickle=False)

        header = json.loads(archive.read(_HEADER))
        parts: list[Any] = []
        for number in range(len(header["names"])):
            if f"{number}.npy" in entries:
                parts.append(read_array(str(number)))
                continue
            lengths = read_array(f"{number}-lengths").tolist()
            parts.append(_unpack_texts(read_array(f"{number}-text").tobytes(), lengths))
    return join_table(header, parts, cells)


def write_arrow(value: Any, file: BinaryIO, cells: CellCodec) -> None:
    """Write a table in the format of Arrow IPC.

    Raises:
        Exception: Arrow cannot hold it.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and an extra

    table = value
    if not isinstance(value, pa.Table):
        from attune_nb.values.tables.layout import split_table  # noqa: PLC0415 - imports pandas

        table = _arrow_table(split_table(value, cells, pa), pa)
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _arrow_table(layout: Layout, pa: Any) -> Any:
    arrays = []
    for part in layout.parts:
        array = part
        if isinstance(part, list):
            array = pa.array(part, type=pa.large_string())
        elif part.__class__.__module__ == "numpy":
            array = pa.array(part)
        arrays.append(array)

    table = pa.Table.from_arrays(arrays, names=layout.names)
    return table.replace_schema_metadata({_HEADER: json.dumps(layout.header)})


def read_arrow(file: BinaryIO, cells: CellCodec) -> Any:
    """Return the table of a file that `write_arrow` has written.

    Args:
        file: The open file.
        cells: Makes objects of texts.

    Raises:
        ImportError: pyarrow is not installed.
        Exception: The file is damaged.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - slow to import, and an extra
    except ImportError:
        raise ImportError(
            "a table of Arrow is read by pyarrow, which is not installed: "
            "`pip install 'attune_nb[tables]'`"
        ) from None

    # at once: for an open file of Python, Arrow waits for a thread of its own at each read
    with pa.ipc.open_file(pa.BufferReader(file.read())) as reader:
        table = reader.read_all()
    # offsets that lead out of their arrays would end the process
    table.validate(full=True)

    metadata = table.schema.metadata
    if metadata is None or _HEADER.encode() not in metadata:
        return table
    from attune_nb.values.tables.layout import join_table  # noqa: PLC0415 - imports pandas

    header = json.loads(metadata[_HEADER.encode()])
    return join_table(header, table.columns, cells)


_READERS: dict[str, Callable[[BinaryIO, CellCodec], Any]] = {
    "npy": _read_npy,
    "npz": _read_npz,
    "arrow": read_arrow,
}
