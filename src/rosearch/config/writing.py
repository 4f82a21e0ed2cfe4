"""A configuration as the text of a `config.toml`, with what every setting means above it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from rosearch.config.sections import RunConfig
from rosearch.config.setting import Field, fields_of, sections_of

WIDTH = 100


def to_toml(config: RunConfig) -> str:
    """TOML text that `make_config` reads back; settings without a value are commented out."""
    lines: list[str] = []
    for section, settings in groupby(fields_of(RunConfig).values(), lambda f: f.section):
        if section:
            kind = sections_of(RunConfig)[section]
            lines += ["", *_comment((kind.__doc__ or "").splitlines()[0]), f"[{section}]"]
        for field in settings:
            lines += _setting(field, config)
    return "\n".join(lines) + "\n"


def _setting(field: Field, config: RunConfig) -> Iterator[str]:
    import tomli_w

    yield from _comment(field.description())
    value = field.value_in(config)
    if value is None or (field.name == "plugins" and not value):  # as `to_dict` leaves out
        yield f"# {field.key} ="
    else:
        plain = list(value) if isinstance(value, tuple) else value
        yield tomli_w.dumps({field.key: plain}).rstrip("\n")


def _comment(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")
