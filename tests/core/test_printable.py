"""Text that may be anybody's: nothing of it acts on a terminal, a page, a sheet or a picture."""

import ast
import csv
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from ganbench.cli import main
from ganbench.core.printable import printable, printable_caption, printable_json, printable_lines
from ganbench.records.plots import history_picture, information_picture
from ganbench.records.rows import Comparison, compare, document
from ganbench.records.store import TrialDirectory
from ganbench.records.tables.frames import (
    render_csv,
    render_latex,
    render_markdown,
    render_text,
    table,
)
from ganbench.records.tables.latex import escaped
from ganbench.records.tables.markdown import _escaped
from ganbench.study.progress import say
from tests.records.made_up import evaluation, outcome, record, reference, score, skip

ROOT = Path(__file__).resolve().parents[1]
EVIL = "\x1b[31m\x07\x9b\u202e\u2066\u200b\u2028\x7f\r\n\t\ufeff\U000e0041\ufe0f\u3164\xad"


def raw(text: str) -> set[str]:
    """The characters of a text that act, or that nobody sees; line ends are the format's own."""
    return {c for c in text if c != "\n" and (not c.isprintable() or c in "\ufe0f\u3164")}


def test_what_would_not_be_seen_is_written_out() -> None:
    assert printable("a\x1b[2Jb") == r"a\x1b[2Jb"
    assert printable("user\u202egnp.exe") == r"user\u202egnp.exe"
    assert printable("two\nlines\u2028three") == r"two\nlines\u2028three"
    assert printable("\udc80 \U000e0041") == r"\udc80 \U000e0041"
    assert printable("Größe 漢字 ±σ² e\u0301 — plain\\n") == "Größe 漢字 ±σ² e\u0301 — plain\\n"
    assert printable_lines("a\n\x1bb") == "a\n\\x1bb"


def test_no_control_or_format_character_is_left() -> None:
    every = "".join(map(chr, range(0x30000))) + "".join(map(chr, range(0xE0000, 0xE0200)))
    shown = printable(every)
    assert {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert not raw(shown)


def test_json_is_exact_and_printable() -> None:
    text = printable_json({"a": EVIL})
    assert json.loads(text) == {"a": EVIL}
    assert text.isascii()
    assert text.isprintable()


def hostile(text: str) -> Comparison:
    """A comparison with the text at every place where a record has some."""
    names = {
        "variant": f"{text} v",
        "changed": {f"{text} k": f"{text} x", "deep": [[text], {text: text}]},
        "dataset": f"{text} d",
        "dataset_fingerprint": text,
        "labels": text,
        "device": text,
        "arithmetic": text,
        "packages": {text: text},
    }
    scores = evaluation(
        score(f"{text} m", 0.5, protocol=text),
        skipped=[skip(text, text)],
        references=[reference(f"{text} r", 0.5, f"{text} m")],
    )
    host = {"machine": text, "os": text, "python": text}
    lost = record(seed=1, status="failed", reason=text, host=host, **names)
    best = scores.model_copy(update={"checkpoint": "best", "chosen_by": text})
    return compare([outcome(record(**names), scores, best), outcome(lost)])


def test_no_format_lets_it_through() -> None:
    made = hostile(EVIL)
    assert not raw(render_text(made, 110, colour=False))
    for text in (render_markdown(made), render_csv(made.rows), render_latex(made)):
        assert not raw(text)
    assert not raw("".join(map(str, table(made).columns)))
    assert json.loads(printable_json(document(made)))["rows"][0]["variant"] == f"{EVIL} v"
    assert printable_json(document(made)).isascii()


LINKS = [
    "[x](javascript:alert(1))",
    "![x](http://evil/p.png)",
    "<script>alert(1)</script>",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)",
    "[x][y] [x]",
    "`code` ``more``",
    "*a* _b_ __c__ ~~d~~ **e**",
    "a|b",
    "&lt;b&gt; &#106;",
    "# heading",
    "> quote",
    "- item",
    "1. item",
    "12) item",
    "+ item",
    "=====",
    "-----",
    "back\\slash \\[x](y)",
    "x<!-- -->y",
]


@pytest.mark.parametrize("text", LINKS)
def test_markdown_shows_it_as_it_is(text: str) -> None:
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = page.parse(f"- {_escaped(text)}\n\n| {_escaped(text)} |\n| --- |\n| {_escaped(text)} |")
    inline = [token.children or [] for token in found if token.type == "inline"]
    assert len(inline) == 3
    for children in inline:
        assert {child.type for child in children} <= {"text", "text_special"}
        assert "".join(child.content for child in children) == text
    kinds = {token.type for token in found}
    assert not kinds & {"heading_open", "blockquote_open", "ordered_list_open", "html_block", "hr"}
    assert len([token for token in found if token.type == "list_item_open"]) == 1


@pytest.mark.parametrize(
    "text", ["see http://evil.example", "www.evil.example", "mailto:a@b.example", "a@b.example"]
)
def test_addresses_do_not_become_links(text: str) -> None:
    """GitHub links bare addresses; an escape within them ends that, and is not seen."""
    assert "\\" in _escaped(text)
    found = MarkdownIt("commonmark").parse(_escaped(text))
    assert "".join(child.content for child in found[1].children or []) == text


def test_what_is_usual_stays_readable_in_markdown() -> None:
    usual = "infogan:noise=0.5/0.1 [labels 100]: code_recovery (digits-v1@1a2b3c4d) ↓"
    assert _escaped(usual) == usual


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1"])
@pytest.mark.parametrize("before", ["", " ", "\uff1d"])
def test_no_cell_of_a_sheet_is_a_formula(text: str, before: str) -> None:
    rows = list(csv.reader(io.StringIO(render_csv(hostile(before + text).rows))))
    numbers = re.compile(r"-?[\d.]+(e-?\d+)?")
    for cell in (cell for row in rows for cell in row if not numbers.fullmatch(cell)):
        assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "\t", "\r", "\uff1d"), cell


def test_negative_numbers_stay_numbers_in_csv() -> None:
    text = render_csv(compare([outcome(record(), evaluation(score("kid", -0.25)))]).rows)
    assert next(csv.DictReader(io.StringIO(text)))["mean"] == "-0.25"


def test_full_width_commands_are_no_commands_of_latex() -> None:
    assert escaped("\uff3cinput\uff5b\uff05\uff04") == r"$\backslash$input\{\%\$"
    assert escaped("*x") == "{*}x"


def test_pictures_take_any_name(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    assert printable_caption("a$\\frac{$\x1b") == r"a\$\frac{\$\x1b"
    name = "$\\frac{$ \x1b"
    rows = [{"round": n, name: 1.0, f"information/{name}": 0.5} for n in (50, 100)]
    history_picture(rows, tmp_path / "history.png", name)
    information_picture({name: [rows]}, {name: [1.0, 2.0]}, tmp_path / "information.png")
    assert not [one for one in recwarn if "Glyph" in str(one.message)]


def test_what_is_told_while_trials_run() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    say(console, "[red]x[/] :smile: \x1b[2J")
    assert console.file.getvalue() == "[red]x[/] :smile: \\x1b[2J\n"  # type: ignore[attr-defined]


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ganbench", *arguments])
        with pytest.raises(SystemExit):
            main()
    out, err = capsys.readouterr()
    return out + err


@pytest.mark.parametrize("form", ["", "--json", "--csv", "--markdown", "--latex"])
def test_compare_prints_nothing_raw(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "v\x1b[31m\u202e\x7f"
    trial = TrialDirectory(tmp_path / "trial")
    trial.write_record(record(variant=name))
    trial.add_scores(evaluation(score("nmi", 0.5, protocol=name)))
    text = shown(["compare", str(tmp_path), *filter(None, [form])], capsys)
    assert "v" in text
    assert not raw(text)


def test_error_lines_print_nothing_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a\x1b[31m\nganbench: all is well").mkdir()
    text = shown(["compare", str(next(tmp_path.iterdir()))], capsys)
    assert "no finished trials" in text
    assert text.count("\n") == 1
    assert not raw(text)
    assert not raw(shown(["compare", "\x1b[31m"], capsys))
    assert not raw(shown(["run", "infogan\x1b[31m"], capsys))
    assert not raw(shown(["\x1b[31m"], capsys))


def test_the_command_line_speaks_through_one_function() -> None:
    """`options.say` and `options.show`; `main` has its own last lines, `list` its headings."""
    allowed = {"options.py": 3, "__init__.py": 5, "list.py": 1}
    for path in sorted((ROOT / "ganbench" / "cli").glob("*.py")):
        calls = [
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
        ]
        direct = [call for call in calls if call in ("print", "click.echo", "click.secho")]
        assert len(direct) <= allowed.get(path.name, 0), f"{path.name}: use options.say"
