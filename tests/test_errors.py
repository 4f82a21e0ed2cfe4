import math

import pytest

from rosearch.errors import MissingExtra, UserError, one_line, require


def test_require_returns_the_module() -> None:
    assert require("math", "report") is math


def test_require_names_the_command_that_installs_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r'nowhere.*pip install "rosearch\[report\]"') as caught:
        require("nowhere.at_all", "report")
    assert isinstance(caught.value, UserError)


def test_one_line_gives_the_root_cause_on_one_line_without_passwords() -> None:
    error = RuntimeError("outer")
    error.__cause__ = OSError("no  route\n to https://me:secret@index/simple.")
    assert one_line(error) == "no route to https://index/simple"
    assert one_line(KeyError()) == "KeyError"
    assert len(one_line(ValueError("x" * 999), limit=50)) == 50
