"""Tables in every format, of one comparison."""

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ganbench.core import protocol
from ganbench.evaluate.catalogue import METRICS
from ganbench.records.tables.frames import (
    Comparison,
    compare,
    document,
    render_csv,
    render_latex,
    render_markdown,
    render_text,
    table,
)
from ganbench.records.tables.latex import escaped
from ganbench.records.tables.layout import BLOCKS, WIDTH, cell, columns_of, number, sections
from tests.records.made_up import (
    evaluation,
    fid,
    outcome,
    record,
    reference,
    references,
    score,
    skip,
)


@pytest.fixture(scope="module")
def made() -> Comparison:
    """Two variants with all metrics, one of them with a lost seed, and references."""
    others = [score(metric, 0.5) for metric in METRICS if metric != "fid"]
    beside = references(
        reference("real images, held out"),
        reference("k-means on pixels", 0.75, "nmi"),
    )
    trials = [
        outcome(record(seed=seed), evaluation(fid(value), *others))
        for seed, value in enumerate((1.6, 1.7, 1.8))
    ]
    changed = {"noise": "a|b_50%"}
    skipped = [skip("nmi"), skip("ari"), skip("mig", "value is nan")]
    trials.append(outcome(record(changed=changed), evaluation(fid(4.0), skipped=skipped)))
    lost = record(seed=1, changed=changed, status="diverged", reason="loss\nis nan", cost=None)
    trials.append(outcome(lost))
    return compare(trials, [beside])


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (0.9764, 0.9764, "0.976"),
        (1.0, 1.0, "1.000"),
        (1.7, 1.7, "1.70"),
        (2.3014, 2.3014, "2.30"),
        (14.52, 14.52, "14.5"),
        (243211, 243211, "243,211"),
        (5.3e9, 5.3e9, "5.30e9"),
        (0.00004, 0.00004, "4.00e-5"),
        (-0.25, 0.25, "-0.250"),
        (0.0, 0.0, "0"),
    ],
)
def test_digits(value: float, scale: float, text: str) -> None:
    assert number(value, scale) == text


def test_cells(made: Comparison) -> None:
    first = made.rows[0]
    assert cell(first) == "1.70 ± 0.10"
    assert cell(first, seeds=3) == "1.70 ± 0.10"
    assert cell(first, seeds=4) == "1.70 ± 0.10 (n=3)"
    assert cell(first.model_copy(update={"std": None})) == "1.70"
    (size,) = [row for row in made.rows if row.metric == "parameters" and row.n == 3]
    assert cell(size) == "243,211"


def test_headers_name_extractor_direction_and_self_grading(made: Comparison) -> None:
    titles = {column.metric: column.title for column in columns_of(made.rows)}
    assert titles["fid"] == "fid (digits-v1) ↓"
    assert titles["nmi"] == "nmi ↑"
    assert titles["self_code_recovery"] == "self_code_recovery (self-graded) ↑"
    assert titles["parameters"] == "parameters"


def test_two_protocols_are_two_columns() -> None:
    trials = [
        outcome(record(), evaluation(fid(1.0, "digits-v1@aaaa"), score("nmi", 0.1))),
        outcome(
            record("acgan"),
            evaluation(fid(2.0, "inception@bbbb"), score("nmi", 0.2, protocol={"held_out": 9})),
        ),
    ]
    frame = table(compare(trials))
    names = [name for name in frame.columns if name.startswith(("fid", "nmi"))]
    assert names == [
        "fid (digits-v1)",
        "fid (inception)",
        "nmi (500 held-out real images)",
        "nmi (9 held-out real images)",
    ]
    assert frame.loc["infogan", "fid (digits-v1)"] == 1.0
    assert frame.isna().loc["infogan", "fid (inception)"]


def test_the_machine_of_a_cost_is_no_extractor() -> None:
    host = {"machine": "CPU @ 3.20GHz", "os": "Linux", "python": "3.11"}
    names = [c.name for c in columns_of(compare([outcome(record(host=host))]).rows)]
    assert "images_per_second" in names


@pytest.mark.parametrize("width", [80, WIDTH, 200])
def test_text_fits_its_width(made: Comparison, width: int) -> None:
    text = render_text(made, width, colour=False)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "…" not in text


def test_text_says_it_all(made: Comparison) -> None:
    text = render_text(made, WIDTH, colour=False)
    assert "digits, 192,000 images seen (3,000 rounds of 64)" in text
    row = next(line for line in text.splitlines() if "a|b_50%" in line)
    assert row.split()[1:3] == ["1/2", "4.00"]
    assert "infogan:noise=a|b_50% seed 1: diverged: loss is nan" in text
    assert "— infogan:noise=a|b_50%: no encode(): nmi, ari" in text
    said = protocol.sentence({"extractor": "digits-v1@1a2b3c4d", "training": 1097})
    assert f"fid (digits-v1): {said}" in text
    assert "standard deviation over the seeds" in text
    assert all(title in text.splitlines() for title in BLOCKS if title != "Other")
    assert "\x1b[" in render_text(made, WIDTH, colour=True)


def test_a_label_is_not_markup() -> None:
    one = outcome(record(changed={"note": "[red]x[/]"}), evaluation(fid(1.0)))
    text = render_text(compare([one]), 110)
    assert "note=[red]x[/]" in text


def test_references_stand_where_they_have_a_value(made: Comparison) -> None:
    (section,) = sections(made)
    beside = {
        block.title: [line.label for line in block.references]
        for block in section.blocks
        if block.references
    }
    assert beside == {"Quality": ["real images, held out"], "Real images": ["k-means on pixels"]}


def test_a_variant_stands_in_the_blocks_where_it_has_a_number() -> None:
    recovery = evaluation(fid(2.0), score("code_recovery", 0.9))
    comparison = compare(
        [
            outcome(record("infogan"), recovery),
            outcome(record("lsgan"), evaluation(fid(3.0))),
            outcome(record("broken", status="failed", reason="no", cost=None)),
        ]
    )
    (section,) = sections(comparison)
    shown = {block.title: [line.label for line in block.variants] for block in section.blocks}
    assert shown["Quality"] == ["infogan", "lsgan", "broken"]
    assert shown["Codes"] == ["infogan", "broken"]  # it has no number anywhere, and says so


def test_unknown_metrics_have_a_block() -> None:
    made = compare([outcome(record(), evaluation(score("novelty", 0.5)))])
    (section,) = sections(made)
    assert [block.title for block in section.blocks] == ["Other", "Cost", "Cost (continued)"]


def test_only_failures_still_make_a_table() -> None:
    made = compare([outcome(record(status="failed", reason="out of memory", cost=None))])
    for text in (render_text(made, 110), render_markdown(made), render_latex(made)):
        assert "0/1" in text
        assert "infogan seed 0: failed: out of memory" in text
    assert table(made).shape == (1, 0)
    assert document(made)["rows"] == []


def test_no_trials_at_all() -> None:
    made = compare([])
    assert table(made).empty
    assert document(made) == {"schema": 2, "rows": [], "failures": [], "notes": []}


def test_several_budgets_are_several_sections() -> None:
    short = record(rounds=200, images_seen=12_800)
    first = outcome(record(), evaluation(fid(1.0)))
    made = compare([first, outcome(short, evaluation(fid(9.0)))])
    titles = [section.title for section in sections(made)]
    assert titles == [
        "digits, 192,000 images seen (3,000 rounds of 64)",
        "digits, 12,800 images seen (200 rounds of 64)",
    ]
    frame = table(made)
    assert frame.index.names == ["study", "variant"]
    assert frame.loc[(titles[1], "infogan"), "fid (digits-v1)"] == 9.0


def test_markdown_has_as_many_cells_on_each_line(made: Comparison) -> None:
    grids = [part for part in render_markdown(made).split("\n\n") if part.startswith("|")]
    assert len(grids) >= len(BLOCKS) - 1
    for grid in grids:
        counts = {line.replace("\\|", "").count("|") for line in grid.splitlines()}
        assert len(counts) == 1
        assert set(grid.splitlines()[1]) <= set("|-: ")
    assert "*real images, held out*" in render_markdown(made)


def test_csv_loads_in_pandas(made: Comparison) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(render_csv(made.rows)))
    assert len(frame) == len(made.rows)
    assert frame["mean"].tolist() == pytest.approx([row.mean for row in made.rows])
    assert frame["std"].isna().sum() == sum(row.std is None for row in made.rows)
    assert json.loads(frame["hyperparameters"].iloc[-len(made.references) - 1]) == {
        "noise": "a|b_50%"
    }
    assert next(csv.DictReader(io.StringIO(render_csv(made.rows))))["seeds"] == "0 1 2"


def test_the_frame_is_means_by_variant(made: Comparison) -> None:
    frame = table(made)
    assert frame.index.tolist() == [
        "infogan",
        "infogan:noise=a|b_50%",
        "real images, held out",
        "k-means on pixels",
    ]
    assert frame.loc["infogan", "fid (digits-v1)"] == pytest.approx(1.7)
    assert frame.loc["k-means on pixels", "nmi"] == 0.75


def test_the_same_trials_give_the_same_text(made: Comparison) -> None:
    assert render_text(made, 110) == render_text(made, 110)
    assert render_latex(made) == render_latex(made)


def test_latex_escapes() -> None:
    assert escaped("a_b 50% & #1 $x$ {y} ~ ^ \\") == (
        r"a\_b 50\% \& \#1 \$x\$ \{y\} $\sim$ \^{} $\backslash$"
    )
    assert escaped("0.5 ± 0.1 ↑ — [1]") == r"0.5 $\pm$ 0.1 $\uparrow$ --- {[}1{]}"
    assert escaped("ü 漢") == "u ?"


def test_latex_has_as_many_cells_on_each_line(made: Comparison) -> None:
    text = render_latex(made)
    bodies = text.split(r"\toprule")[1:]
    for body in bodies:
        rows = [line for line in body.split(r"\bottomrule")[0].splitlines() if "&" in line]
        assert len({row.replace(r"\&", "").count("&") for row in rows}) == 1
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}")


def test_latex_compiles(made: Comparison, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    odd = record(status="failed", reason='[1] <"x"> ~^\\{} & # % _ ü σ 漢')
    document = [
        r"\documentclass{article}\usepackage{booktabs}\begin{document}",
        render_latex(made),
        render_latex(compare([outcome(odd)])),
        r"\end{document}",
    ]
    (tmp_path / "t.tex").write_text("\n".join(document), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)


def test_a_reference_says_its_own_count() -> None:
    own = {"extractor": "digits-v1@1a2b3c4d", "held_out": 500}
    beside = references(
        reference("real images, held out", 0.2, protocol=own),
        reference("real images, blurred", 65.0),
    )
    notes = render_text(
        compare([outcome(record(), evaluation(fid(1.0)))], [beside]), WIDTH, colour=False
    )
    assert f"real images, held out: fid (digits-v1): {protocol.sentence(own)}" in notes
    assert "real images, blurred: fid" not in notes
