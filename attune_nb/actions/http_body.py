"""The body of an HTTP response: read in pieces, decoded, and never more than its limit."""

from __future__ import annotations

import asyncio
import codecs
import functools
import os
import re
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.actions.http_errors import HTTPError, ProtocolError, ResponseTooLarge
from attune_nb.actions.http_spool import Spool
from attune_nb.actions.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import aiohttp

    Writer = Callable[[bytes], Awaitable[None]]

__all__ = ["LARGE", "decode_body", "read_body", "resolve_target", "save_body"]

LARGE = 256 * 1024
"""The bytes of a body from which on the loop does not decode it itself."""

# Bytes that are decompressed in one step.
_STEP = 256 * 1024
# The variable that allows `save_to` to write anywhere.
_SAVE_ANYWHERE = "ATTUNE_NB_SAVE_ANYWHERE"

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
# Codecs between strings and bytes that are no character sets.
_NO_CHARSETS = frozenset({"idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape",
                          "undefined", "unicode-escape", "utf-7"})  # fmt: skip


class _Inflater:
    """Decompresses `gzip` and `deflate`, a bounded step at a time."""

    def __init__(self, coding: str) -> None:
        self._is_deflate = coding == "deflate"
        self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._has_begun = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed data."""
        if data and not self._has_begun:
            self._has_begun = True
            # some servers send `deflate` without the header of zlib
            if self._is_deflate and data[0] & 0xF != zlib.DEFLATED:
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)

        while data:
            piece = self._decoder.decompress(data, _STEP)
            if piece:
                yield piece
            if self._decoder.eof:
                data = self._decoder.unused_data
                if not data.strip(b"\0"):
                    return
                # a further member of a gzip file
                self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
                continue
            data = self._decoder.unconsumed_tail
            if not data and not piece:
                return

    def check_end(self) -> None:
        """Raise for a body that ended too early.

        Raises:
            ProtocolError: The compressed data are not complete.
        """
        if self._has_begun and not self._decoder.eof:
            raise ProtocolError("the compressed body ended too early")


def _make_inflaters(response: aiohttp.ClientResponse) -> list[_Inflater]:
    """Return the decoders of a response, in the order of decoding."""
    encoding = response.headers.get("Content-Encoding")
    inflaters: list[_Inflater] = []
    if encoding is None:
        return inflaters

    codings = [coding.strip() for coding in encoding.lower().split(",")]
    for coding in reversed(codings):
        if coding in ("gzip", "x-gzip", "deflate"):
            inflaters.append(_Inflater(coding))
        elif coding not in ("", "identity"):
            raise ProtocolError(f"the body is encoded as `{coding[:40]}`, which is not supported")

    if len(inflaters) > 2:  # noqa: PLR2004 - one for the content and one for the transfer
        raise ProtocolError(f"the body is compressed {len(inflaters)} times")
    return inflaters


def _inflate(data: bytes, inflaters: list[_Inflater]) -> Iterator[bytes]:
    if not inflaters:
        yield data
        return
    for piece in inflaters[0].decode(data):
        yield from _inflate(piece, inflaters[1:])


async def _copy_body(
    response: aiohttp.ClientResponse, write: Writer, max_bytes: int, method: str
) -> int:
    """Write the decoded body; return its size.

    Raises:
        ResponseTooLarge: It has more than `max_bytes`.
        ProtocolError: It cannot be decoded.
    """
    size = 0
    inflaters = _make_inflaters(response) if method != "HEAD" else []
    length = response.content_length
    if length is not None and length > max_bytes and not inflaters and method != "HEAD":
        raise ResponseTooLarge(_too_large(max_bytes, f"it announces {length:,}"))

    try:
        while chunk := await response.content.readany():
            for piece in _inflate(chunk, inflaters):
                size += len(piece)
                if size > max_bytes:
                    raise ResponseTooLarge(_too_large(max_bytes, "it was not read further"))
                await write(piece)
                if len(piece) == _STEP:
                    # others of the loop take their turns between the pieces of a large chunk
                    await asyncio.sleep(0)
    except zlib.error as error:
        raise ProtocolError(f"the compressed body is damaged ({error})") from error

    for inflater in inflaters:
        inflater.check_end()
    return size


def _too_large(max_bytes: int, detail: str) -> str:
    return f"the body has more than {max_bytes:,} bytes ({detail}); raise `max_bytes`"


async def read_body(response: aiohttp.ClientResponse, max_bytes: int, method: str) -> bytes:
    """Return the decoded body of a response.

    Raises:
        ResponseTooLarge: It has more than `max_bytes`.
        ProtocolError: It cannot be decoded.
    """
    stream = response.content
    if stream.is_eof() and "Content-Encoding" not in response.headers:
        # a small body has come with the headers
        content = stream.read_nowait()
        if len(content) <= max_bytes:
            return content
        raise ResponseTooLarge(_too_large(max_bytes, f"it has {len(content):,}"))

    with Spool() as spool:
        await _copy_body(response, spool.write, max_bytes, method)
        return spool.read()


def resolve_target(save_to: str) -> Path:
    """Return the file to save a body to.

    Raises:
        HTTPError: It is outside the working folder, or its folder does not exist.
    """
    folder = Path.cwd().resolve()
    try:
        target = (folder / Path(save_to).expanduser()).resolve()
        is_in_folder = target.is_relative_to(folder) and target != folder
        is_folder = target.is_dir()
        has_folder = target.parent.is_dir()
    except (OSError, ValueError, RuntimeError) as error:
        raise HTTPError(f"`save_to`: `{save_to!r}` is no file ({error})") from None

    if not is_in_folder and os.environ.get(_SAVE_ANYWHERE) != "1":
        raise HTTPError(
            f"`save_to`: `{save_to}` is outside the working folder `{folder}`; give a path in it, "
            f"or set {_SAVE_ANYWHERE}=1 in the environment"
        )
    if is_folder:
        raise HTTPError(f"`save_to`: `{target}` is a folder; give the name of a file")
    if not has_folder:
        raise HTTPError(f"`save_to`: there is no folder `{target.parent}`; make it first")
    return target


async def save_body(
    response: aiohttp.ClientResponse, target: Path, max_bytes: int, method: str
) -> int:
    """Write the decoded body into a file, which appears when it is complete; return its size.

    Raises:
        ResponseTooLarge: It has more than `max_bytes`.
        ProtocolError: It cannot be decoded.
        HTTPError: The file cannot be written.
    """
    part: str | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".part", delete=False
        ) as file:
            part = file.name

            async def write(piece: bytes) -> None:
                file.write(piece)

            size = await _copy_body(response, write, max_bytes, method)

        _publish(part, target)
        part = None
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError) or error.filename is None:
            raise
        raise HTTPError(f"`save_to`: {error}") from error
    finally:
        if part is not None:
            os.unlink(part)  # noqa: PTH108 - a short call in a coroutine
    return size


def _publish(part: str, target: Path) -> None:
    """Give a complete temporary file, which is for its owner only, its mode and its name."""
    umask = os.umask(0)
    os.umask(umask)
    Path(part).chmod(0o666 & ~umask)
    Path(part).replace(target)


def decode_body(content: bytes, content_type: str) -> dict[str, Any]:
    """Return `body`, `content`, `json` and `json_error` of a response."""
    text = _decode_text(content, content_type)
    if text is None:
        return {"body": None, "content": content, "json": None, "json_error": None}

    data, problem = parse_json(text)
    return {"body": text, "content": None, "json": data, "json_error": problem}


def _decode_text(content: bytes, content_type: str) -> str | None:
    """Return a body as text, or None if it is none."""
    charset = _find_charset(content_type[:1000])
    if charset is None:
        # UTF-8 allows a NUL, but no text has one
        if b"\0" in content:
            return None
        charset = "utf-8"

    try:
        if charset == "utf-8":
            content = content.removeprefix(codecs.BOM_UTF8)
        return content.decode(charset)
    except (UnicodeError, ValueError):
        return None


@functools.lru_cache(maxsize=64)
def _find_charset(content_type: str) -> str | None:
    """Return the character set that a type of content names, if it is a known one."""
    match = _CHARSET.search(content_type)
    if match is None:
        return None
    try:
        codec = codecs.lookup(match[1])
        "".encode(codec.name)
    except (LookupError, ValueError):
        # there is no such codec, or it is none of text, as `hex`
        return None

    if codec.name.replace("_", "-") in _NO_CHARSETS:
        return None
    return codec.name
