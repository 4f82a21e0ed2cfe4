"""The text of a file, whatever it was saved in; what cannot be read says which setting could."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from rosearch.errors import UserError, one_line

NEEDED = "it needs at least one text"
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the beginning of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NUL_SHARE = 0.2  # of the bytes: plain English in UTF-16 has 0.5


def read_text(path: Path, encoding: str | None) -> str:
    """The text of a file, unpacked if it is a .gz, without a byte order mark.

    Args:
        encoding: as Python names it; None is UTF-8.

    Raises:
        UserError: empty, not to be unpacked, or in another encoding; the message proposes one.
    """
    content = _content(path)
    if not content.strip():
        raise UserError(f"{path} is empty; {NEEDED}")
    wanted = _known(encoding or "utf-8")
    try:
        text = codecs.decode(content, wanted)
    except UnicodeDecodeError as error:
        raise UserError(_not_in(path, content, error, encoding)) from None
    if encoding is None and text.count("\0") > _NUL_SHARE * len(text):
        raise UserError(f"{path} is not UTF-8: every other byte is 0; {_proposal(content)}")
    return text.removeprefix("\ufeff")


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot unpack {path}: {one_line(error)}; pack it again") from None


def _known(encoding: str) -> str:
    try:
        if codecs.lookup(encoding)._is_text_encoding:  # rot13 and its like are none
            return encoding
    except (LookupError, ValueError):
        pass
    raise UserError(
        f"there is no encoding {encoding!r}; give one that Python knows, such as utf-8, cp1252, "
        "latin-1 or utf-16"
    )


def _not_in(path: Path, content: bytes, error: UnicodeDecodeError, encoding: str | None) -> str:
    place = f"byte 0x{content[error.start]:02x} at offset {error.start}"
    if encoding is None:
        return f"{path} is not UTF-8: {place}; {_proposal(content)}"
    return f"{path} is not in the encoding {encoding}: {place}; {_proposal(content)}"


def _proposal(content: bytes) -> str:
    return f"give its encoding, such as --encoding {_likely(content)}, or save it as UTF-8"


def _likely(content: bytes) -> str:
    """What a file may be in that is not in UTF-8."""
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return name
    if content.count(0) > _NUL_SHARE * len(content):
        return "utf-16-le" if content[1::2].count(0) > content[::2].count(0) else "utf-16-be"
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
