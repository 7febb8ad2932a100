"""An error in one line, with the place in the plug-in that it came from."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from ganbench.core.errors import UserError
from ganbench.plugins.error_places import carry, is_ours, located, place


def raised(function: Any, *args: Any) -> BaseException:
    """What a call raises, as if this file had not called it."""
    with pytest.raises(BaseException) as found:  # noqa: PT011
        function(*args)
    assert found.value.__traceback__
    return found.value.with_traceback(found.value.__traceback__.tb_next)


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module from text; it lies below `folder`."""
    names: list[str] = []

    def write(text: str, name: str = "mygan", folder: str = "") -> Any:
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(place))
        names.append(name)
        return importlib.import_module(name)

    yield write
    for name in names:
        sys.modules.pop(name, None)


def test_it_names_the_innermost_line_of_the_plug_in(guest: Any) -> None:
    guest("import json\n\n\ndef read(text):\n    return json.loads(text)\n", "helper")
    module = guest("import helper\n\n\ndef build():\n    helper.read('{')\n")
    error = raised(module.build)
    assert isinstance(error, json.JSONDecodeError)
    assert located(error).startswith("JSONDecodeError: Expecting property name")
    assert located(error).endswith(" (helper.py, line 5)"), "json's own lines are Python's"


def test_the_cores_and_the_libraries_lines_are_nobodys(guest: Any) -> None:
    import torch

    module = guest("import torch\n\n\ndef build():\n    torch.zeros(2) @ torch.zeros(3)\n")
    assert located(raised(module.build)).endswith(" (mygan.py, line 5)")
    assert place(raised(torch.matmul, torch.zeros(2), torch.zeros(3))) == ""


def test_one_line_and_no_folder(guest: Any) -> None:
    module = guest("def build(text):\n    raise TypeError(text)\n", folder="a/b")
    assert (
        located(raised(module.build, "\n first\nsecond")) == "TypeError: first (mygan.py, line 2)"
    )
    assert located(raised(module.build, "")) == "TypeError: no message (mygan.py, line 2)"
    told = located(raised(module.build, "x" * 100_000))
    assert len(told) < 600
    assert told.endswith("x... (mygan.py, line 2)")


def test_a_syntax_error_is_at_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "mygan.py"
    error = raised(compile, "x = 1\ny = = 2\n", str(path), "exec")
    assert located(error) == "SyntaxError: invalid syntax (mygan.py, line 2)"


def test_an_installed_package_counts_where_it_registers_variants(
    guest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganbench.plugins import registry

    guest("def fail():\n    raise KeyError('a')\n", "library", "site-packages")
    installed = guest(
        "import library\n\n\ndef build():\n    library.fail()\n", "mygan", "site-packages"
    )
    assert place(raised(installed.build)) == ""
    entry = registry.Entry("mygan", "mygan:MyGAN", "ganbench-mygan 0.1.0")
    monkeypatch.setattr(registry, "installed", lambda kind: {"mygan": entry})
    assert located(raised(installed.build)) == "KeyError: 'a' (mygan.py, line 5)"


def test_a_first_party_variant_is_named_where_no_plug_in_is() -> None:
    from ganbench.variants.vanilla import Vanilla

    error = raised(Vanilla.make_latent, None)
    assert located(error).startswith("AttributeError: ")
    assert "(vanilla.py, line " in located(error)


def test_a_message_that_cannot_be_read(guest: Any) -> None:
    module = guest(
        "class Bad(Exception):\n"
        "    def __str__(self):\n"
        "        raise RuntimeError\n\n\n"
        "def build():\n"
        "    raise Bad\n"
    )
    assert located(raised(module.build)) == "Bad: (its message cannot be read) (mygan.py, line 7)"


def test_a_place_is_carried_to_another_process(guest: Any) -> None:
    module = guest("def build():\n    raise TypeError('no')\n")
    error = raised(module.build)
    carry(error)
    there = pickle.loads(pickle.dumps(error))
    assert there.__traceback__ is None
    assert located(there) == "TypeError: no (mygan.py, line 2)"
    nowhere = UserError("no")
    carry(nowhere)
    assert located(nowhere) == "UserError: no"


def test_what_the_core_raises_is_its_own(guest: Any) -> None:
    from ganbench.core.specs import parse_spec

    module = guest(
        "from ganbench.core.specs import parse_spec\n\n\n"
        "def ours():\n    parse_spec('a:b=1,c')\n\n\n"
        "def theirs():\n    raise ValueError\n"
    )
    assert is_ours(raised(parse_spec, "a:b=1,c"))
    assert is_ours(raised(module.ours))
    assert not is_ours(raised(module.theirs))
