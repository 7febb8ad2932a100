"""Trials of one identity from several machines: pooled, kept apart, and never unsaid."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganbench.records.rows import Comparison, compare, document
from ganbench.records.schema import Host, Record
from ganbench.records.store import TrialResult
from ganbench.records.tables.frames import render_csv, render_latex, render_markdown, render_text
from tests.records.made_up import evaluation, fid, outcome, record, reference, score

HERE = Host(machine="Xeon", os="Linux", python="3.11", capability="AVX512", libraries=("MKL 1",))
THERE = Host(machine="EPYC", os="Linux", python="3.11", capability="AVX2", libraries=("MKL 1",))
NEWER = {"created": "2026-02-01T00:00:00Z"}


def trial(value: float, seed: int = 0, host: Host = HERE, **changes: Any) -> TrialResult:
    weights = {"weights.safetensors": f"{value}"}
    facts = {"host": host, "weights": weights, **changes}
    return outcome(record(seed=seed, **facts), evaluation(fid(value)))


def lines(made: Comparison, metric: str = "fid") -> list[tuple[str, float, list[int]]]:
    return [(row.label, row.mean, row.seeds) for row in made.rows if row.metric == metric]


def everywhere(made: Comparison) -> list[str]:
    """The comparison in every format, each on one line."""
    texts = [render_text(made, 110, colour=False), render_markdown(made), render_latex(made)]
    texts += [json.dumps(document(made)), render_csv(made.rows)]
    return [" ".join(text.split()) for text in texts]


def test_seeds_of_several_hosts_are_pooled_and_the_hosts_are_named() -> None:
    made = compare([trial(1.0), trial(2.0, 1), trial(6.0, 2, THERE)])
    assert lines(made) == [("infogan", 3.0, [0, 1, 2])]
    hosts = ["Xeon, capability AVX512", "EPYC, capability AVX2"]
    assert next(row for row in made.rows if row.metric == "fid").hosts == hosts
    note = f"infogan: seeds 0, 1 on {hosts[0]}; seed 2 on {hosts[1]}"
    assert made.notes == [note]
    for text in everywhere(made)[:-1]:
        assert note in text
    assert "; ".join(hosts) in everywhere(made)[-1]


def test_one_host_is_not_worth_a_note() -> None:
    made = compare([trial(1.0), trial(2.0, 1), trial(3.0, variant="acgan")])
    assert made.notes == []
    assert made.rows[0].hosts == ["Xeon"]


def test_variants_of_different_hosts_say_so() -> None:
    made = compare([trial(1.0), trial(2.0, variant="acgan", host=THERE)])
    assert made.notes == [
        "infogan: seed 0 on Xeon, capability AVX512",
        "acgan: seed 0 on EPYC, capability AVX2",
    ]


def test_one_seed_of_two_hosts_is_two_lines() -> None:
    """InfoGAN's seed 0: cluster accuracy .656 on one machine, .830 on the other."""
    made = compare([trial(0.656), trial(0.5, 1), trial(0.83, host=THERE, **NEWER)])
    assert lines(made) == [
        ("infogan [machine Xeon, capability AVX512]", pytest.approx(0.578), [0, 1]),
        ("infogan [machine EPYC, capability AVX2]", 0.83, [0]),
    ]
    for text in everywhere(made):
        assert "[machine EPYC, capability AVX2]" in text.replace("{[}", "[").replace("{]}", "]")
    assert [group.of_one_host for group in made.groups] == [True, True]


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"packages": {"torch": "2.14.0"}}, "infogan [torch 2.14.0]"),
        (
            {"host": HERE.model_copy(update={"libraries": ("MKL 2",)})},
            "infogan [MKL 2]",
        ),
        (
            {"host": HERE.model_copy(update={"capability": ""})},
            "infogan [capability not recorded]",
        ),
    ],
)
def test_the_label_says_what_differs(change: dict[str, Any], label: str) -> None:
    made = compare([trial(1.0), trial(2.0, **change)])
    assert [row.label for row in made.rows if row.metric == "fid"][1] == label


def test_a_diverged_seed_is_not_replaced_by_another_hosts() -> None:
    lost = outcome(record(host=THERE, status="diverged", reason="loss is nan", cost=None))
    made = compare([trial(1.0), lost])
    assert [len(group.finished) for group in made.groups] == [1, 0]
    assert len(made.failures) == 1


def test_an_attempt_that_failed_is_replaced_by_another_hosts() -> None:
    lost = outcome(record(host=THERE, status="failed", reason="killed", cost=None))
    made = compare([lost, trial(1.0)])
    assert lines(made) == [("infogan", 1.0, [0])]
    assert (made.failures, made.notes) == ([], [])


def test_copies_count_once_wherever_they_lie(tmp_path: Path) -> None:
    """The same weights are the same training, also where it was done twice."""
    one = trial(1.0)
    copy = one._replace(directory=tmp_path)
    again = trial(1.0, host=THERE, weights=one.record.weights, **NEWER)
    made = compare([one, copy, again])
    assert lines(made) == [("infogan", 1.0, [0])]
    assert made.notes == []


def test_a_copy_that_was_scored_to_another_result_is_told(tmp_path: Path) -> None:
    one = trial(1.0)
    more = evaluation(score("mig", 0.3))
    copy = TrialResult(one.record, [evaluation(fid(1.5)), more], tmp_path)
    made = compare([one, copy])
    assert lines(made) == [("infogan", 1.0, [0])]
    assert lines(made, "mig") == [("infogan", 0.3, [0])]
    assert made.notes == [
        f"infogan: seed 0 was done twice, with another result ({tmp_path}) that is left out: "
        "fid 1.5, not 1"
    ]


def test_another_training_on_the_same_host_is_left_out_aloud(tmp_path: Path) -> None:
    old = trial(1.0)._replace(directory=tmp_path)
    made = compare([trial(5.0, trial="other", **NEWER), old])
    assert lines(made) == [("infogan", 5.0, [0])]
    for text in everywhere(made)[:-1]:
        assert "that is left out: fid 1, not 5" in text


def test_the_same_training_under_two_identities_keeps_all_scores() -> None:
    """Evaluated along training or not: the same weights, and scores that only one of them has."""
    plain = trial(1.0, trial="plain", weights={}, **NEWER)
    best = evaluation(fid(0.5), checkpoint="best", round=100, chosen_by="fid")
    along = record(host=HERE, trial="along", eval_every=100)
    made = compare([plain, TrialResult(along, [evaluation(fid(1.0 + 1e-9)), best])])
    assert lines(made) == [("infogan", 1.0, [0]), ("infogan [best fid]", 0.5, [0])]
    assert made.notes == []


def test_one_metric_measured_twice_to_different_results_is_told() -> None:
    twice = [evaluation(fid(1.0)), evaluation(fid(1.5))]
    made = compare([TrialResult(record(), twice)])
    assert lines(made) == [("infogan", 1.0, [0])]
    assert made.notes == [
        "infogan: seed 0: fid was measured again with another result, which is left out: 1.5, not 1"
    ]


def test_best_models_chosen_in_different_ways_are_not_pooled() -> None:
    def along(seed: int, every: int) -> TrialResult:
        best = evaluation(fid(float(every)), checkpoint="best", round=every, chosen_by="fid")
        return TrialResult(record(seed=seed, eval_every=every), [evaluation(fid(9.0)), best])

    made = compare([along(0, 100), along(1, 300)])
    assert lines(made) == [
        ("infogan", 9.0, [0, 1]),
        ("infogan [best fid, every 100 rounds]", 100.0, [0]),
        ("infogan [best fid, every 300 rounds]", 300.0, [1]),
    ]


def with_reference(value: float, ran_on: Host, seed: int = 0, **changes: Any) -> TrialResult:
    own = record(seed=seed, host=ran_on, trial=f"{seed}-{ran_on.machine}")
    beside = [reference("random network", value, "nmi")]
    facts = {"seed": seed, "references": beside, **changes}
    return TrialResult(own, [evaluation(score("nmi", 0.5), **facts)])


def references(made: Comparison) -> list[tuple[str, float, int, list[str]]]:
    return [(row.label, row.mean, row.n, row.hosts) for row in made.references]


def test_references_of_several_hosts_are_pooled_over_seeds_alone() -> None:
    names = ["Xeon, capability AVX512", "EPYC, capability AVX2"]
    pooled = compare([with_reference(0.2, HERE), with_reference(0.4, THERE, 1)])
    assert references(pooled) == [("random network", pytest.approx(0.3), 2, names)]
    apart = compare([with_reference(0.2, HERE), with_reference(0.4, THERE)])
    assert references(apart) == [
        (f"random network [{names[0]}]", 0.2, 1, names[:1]),
        (f"random network [{names[1]}]", 0.4, 1, names[1:]),
    ]
    rounded = compare([with_reference(0.2, HERE), with_reference(0.2 + 1e-9, THERE)])
    assert references(rounded) == [("random network", 0.2, 1, names)]


def test_a_reference_belongs_to_the_host_that_measured_it() -> None:
    again = {"host": THERE, "packages": {"torch": "2.9"}}
    made = compare([with_reference(0.2, HERE), with_reference(0.4, HERE, **again)])
    assert [row.label for row in made.references] == [
        "random network [Xeon, capability AVX512]",
        "random network [EPYC, capability AVX2]",
    ]


def test_one_host_with_two_values_for_a_seed_is_told() -> None:
    made = compare([with_reference(0.2, HERE), with_reference(0.4, HERE)])
    assert made.notes == ["random network: nmi, seed 0, is 0.2, 0.4; all are in its mean"]


def test_two_protocols_of_a_reference_do_not_hide_each_other() -> None:
    def floor(count: int) -> TrialResult:
        beside = reference("real images", count / 1000)
        own = beside.score.model_copy(update={"protocol": f"digits-v1@1a2b3c4d, {count} real"})
        beside = beside.model_copy(update={"score": own})
        return TrialResult(record(seed=count), [evaluation(fid(2.0), references=[beside])])

    made = compare([floor(500), floor(700)])
    labels = [f"real images (digits-v1@1a2b3c4d, {count} real)" for count in (500, 700)]
    assert [row.label for row in made.references] == labels
    assert all(f"*{label}*" in render_markdown(made) for label in labels)


def test_older_records_say_nothing_of_rounding_and_are_read() -> None:
    old = json.loads(record().model_dump_json())
    for name in ("capability", "libraries"):
        del old["host"][name]
    read = Record.model_validate_json(json.dumps(old))
    assert (read.host.capability, read.host.libraries) == ("", ())


def test_a_host_says_what_decides_rounding() -> None:
    import torch

    from ganbench.core import environment

    found = Host.model_validate(environment.describe("cpu"))
    assert found.capability == torch.backends.cpu.get_cpu_capability()
    assert any(name.startswith("openblas") or "MKL" in name for name in found.libraries)
    assert len(found.libraries) == len(set(found.libraries))


def test_settings_that_limit_kernels_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganbench.core import environment

    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in environment.libraries("cpu")
