"""Which trials are pooled, which are kept apart, and what becomes of those that failed."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ganbench.core import protocol
from ganbench.records.groups import Row
from ganbench.records.rows import compare, document
from ganbench.records.store import TrialResult
from tests.records.made_up import (
    COST,
    evaluation,
    fid,
    outcome,
    record,
    reference,
    references,
    score,
    skip,
)


def trial(value: float, seed: int = 0, **changes: Any) -> TrialResult:
    return outcome(record(seed=seed, **changes), evaluation(fid(value)))


def tidy(trials: Sequence[TrialResult]) -> list[Row]:
    return compare(trials).rows


def failures(trials: Sequence[TrialResult]) -> list[dict[str, Any]]:
    return compare(trials).failures


def only(rows: Sequence[Row], metric: str) -> Row:
    (row,) = [row for row in rows if row.metric == metric]
    return row


def test_seeds_are_pooled() -> None:
    row = only(tidy([trial(value, seed=seed) for seed, value in enumerate((1.0, 2.0, 3.0))]), "fid")
    assert (row.mean, row.std, row.n, row.seeds, row.median) == (2.0, 1.0, 3, [0, 1, 2], 2.0)
    assert row.ci_low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert (row.kind, row.label, row.better) == ("variant", "infogan", "lower")
    assert row.protocol == {"extractor": "digits-v1@1a2b3c4d", "training": 1097}
    assert row.protocol_text == protocol.sentence(row.protocol)
    assert row.protocol_key == protocol.key({"training": 1097, "extractor": "digits-v1@1a2b3c4d"})


def test_a_row_has_the_keys_that_scripts_read() -> None:
    row = document(compare([trial(1.0)]))["rows"][0]
    contract = "variant hyperparameters dataset rounds metric mean std ci_low ci_high n better"
    assert {*contract.split(), "protocol", "protocol_text", "protocol_key"} <= set(row)


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": 200},
        {"batch_size": 32},
        {"labels": "100"},
        {"device": "cuda"},
        {"dataset": "mnist"},
        {"dataset_facts": {"source": "folder", "size": 32}},
        {"dataset_fingerprint": "other"},
        {"hyperparameters": {"info_weight": 2.0}},
        {"source_digest": "beef"},
        {"variant": "acgan"},
    ],
)
def test_trials_that_differ_in_more_than_their_seed_are_kept_apart(change: dict[str, Any]) -> None:
    rows = tidy([trial(1.0), trial(2.0, seed=1, **change)])
    assert [row.mean for row in rows if row.metric == "fid"] == [1.0, 2.0]


def test_cards_of_one_machine_are_one_device() -> None:
    rows = tidy([trial(1.0, device="cuda:0"), trial(2.0, seed=1, device="cuda:1")])
    assert only(rows, "fid").n == 2


def test_protocols_are_never_pooled() -> None:
    trials = [
        outcome(record(seed=0), evaluation(fid(1.0))),
        outcome(record(seed=1), evaluation(fid(3.0, "inception@bbbb"))),
        outcome(record(seed=2), evaluation(fid(5.0, protocol={"training": 1097}))),
        outcome(record(seed=3), evaluation(fid(7.0, protocol={"training": 1097, "split": "x"}))),
        outcome(record(seed=4), evaluation(fid(9.0, protocol="a sentence of schema 1"))),
    ]
    rows = [row for row in tidy(trials) if row.metric == "fid"]
    assert [(row.mean, row.n) for row in rows] == [(value, 1) for value in (1, 3, 5, 7, 9)]
    assert len({row.protocol_key for row in rows}) == 5


def test_the_order_of_facts_and_their_wording_split_no_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turned = {"training": 1097, "extractor": "digits-v1@1a2b3c4d"}
    trials = [trial(1.0), outcome(record(seed=1), evaluation(fid(3.0, protocol=turned)))]
    before = only(tidy(trials), "fid")
    monkeypatch.setitem(protocol.PHRASES, "training", "against {} real ones")
    after = only(tidy(trials), "fid")
    assert before.n == after.n == 2
    assert before.protocol_key == after.protocol_key
    assert before.protocol_text != after.protocol_text


def test_a_trial_in_two_directories_counts_once() -> None:
    more = evaluation(score("mig", 0.3))
    again = outcome(record(seed=0), evaluation(fid(1.0)), more)
    rows = tidy([trial(1.0), trial(3.0, seed=1), again])
    assert (only(rows, "fid").n, only(rows, "fid").mean) == (2, 2.0)
    assert only(rows, "mig").seeds == [0]  # a copy with more scores adds them


def test_of_two_trainings_with_one_seed_the_newer_counts() -> None:
    newer = trial(5.0, trial="other", created="2026-02-01T00:00:00Z")
    assert only(tidy([newer, trial(1.0)]), "fid").mean == 5.0


def test_a_trial_that_finished_elsewhere_is_no_failure() -> None:
    failed = record(status="failed", reason="killed", created="2027-01-01T00:00:00Z", cost=None)
    assert failures([outcome(failed), trial(1.0)]) == []


def test_failures_carry_their_reason(tmp_path: Path) -> None:
    lost = record(seed=1, status="diverged", reason="generator loss is nan", cost=None)
    comparison = compare([trial(1.0), outcome(lost, at=tmp_path / "t")])
    (failure,) = comparison.failures
    assert failure["variant"] == "infogan"
    assert (failure["seed"], failure["status"]) == (1, "diverged")
    assert failure["reason"] == "generator loss is nan"
    assert failure["directory"] == str(tmp_path / "t")
    assert only(comparison.rows, "fid").seeds == [0]


def test_the_document_is_strict_json() -> None:
    odd = record(status="failed", changed={"clip": math.inf}, reason="x")
    found = compare([trial(1.0, seed=1), outcome(odd)])
    text = json.dumps(document(found), allow_nan=False)
    read = json.loads(text)
    assert read["schema"] == 2
    assert read["rows"][0]["std"] is None
    assert read["failures"][0]["hyperparameters"] == {"clip": "inf"}


def test_costs_are_rows_and_loads_are_kept_apart() -> None:
    alone = COST.model_copy(update={"jobs": 1, "threads": 4, "images_per_second": 9000.0})
    rows = tidy([trial(1.0), trial(2.0, seed=1, cost=alone)])
    speeds = [(r.mean, r.protocol) for r in rows if r.metric == "images_per_second"]
    where = {"device": "cpu", "machine": "Test CPU", "cuda_graphs": False}
    assert speeds == [
        (6400.0, where | {"threads": 1, "trials_at_once": 2}),
        (9000.0, where | {"threads": 4, "trials_at_once": 1}),
    ]
    assert only(rows, "parameters").n == 2
    assert only(rows, "fid").n == 2


def test_flops_that_nobody_counted_are_no_row() -> None:
    uncounted = COST.model_copy(update={"flops_per_round": None})
    assert "flops_per_round" not in {row.metric for row in tidy([trial(1.0, cost=uncounted)])}


FLOOR = {"extractor": "digits-v1@1a2b3c4d", "held_out": 500}


def test_a_reference_stands_in_the_column_that_answers_the_same_question() -> None:
    """A floor has other sample counts than the variants, and still belongs beside them."""
    floor = references(reference("real images, held out", protocol=FLOOR))
    variant, beside = (row for row in compare([trial(2.0)], [floor]).rows if row.metric == "fid")
    assert beside.protocol_key != variant.protocol_key
    assert beside.beside == variant.beside == variant.protocol_key


def test_a_reference_stands_in_every_column_that_it_answers_for() -> None:
    """Categories by two capabilities are two columns of one question."""
    trials = [
        outcome(record(variant=name), evaluation(score("nmi", 0.5, protocol={"by": name})))
        for name in ("one", "other")
    ]
    beside = references(reference("k-means", 0.6, "nmi", protocol={"by": "k-means"}))
    rows = compare(trials, [beside]).rows
    columns = {row.protocol_key for row in rows if row.kind == "variant" and row.metric == "nmi"}
    assert {row.beside for row in rows if row.kind == "reference"} == columns
    assert len(columns) == 2


def test_references_of_other_questions_and_data_are_left_out() -> None:
    floor = reference("real images, held out", key="asked otherwise")
    elsewhere = references(reference("real images, held out"), dataset_fingerprint="other")
    assert compare([trial(1.0)], [references(floor), elsewhere]).references == []
    asked = outcome(record(), evaluation(skipped=[skip("nmi", key="asked nmi")]))
    oracle = references(reference("oracle", 0.3, "nmi"))
    assert [row.label for row in compare([asked], [oracle]).references] == ["oracle"]


def test_references_stand_once_beside_the_variants() -> None:
    def with_references(seed: int, floor: float) -> TrialResult:
        beside = [reference("real images, held out"), reference("blurred", value=floor)]
        return outcome(record(seed=seed), evaluation(fid(2.0), references=beside))

    rows = tidy([with_references(0, 7.0), with_references(1, 9.0), with_references(2, 9.0)])
    beside = {row.variant: row for row in rows if row.kind == "reference"}
    assert [row.kind for row in rows[-2:]] == ["reference", "reference"]
    assert (beside["real images, held out"].mean, beside["real images, held out"].n) == (0.3, 1)
    assert (beside["blurred"].mean, beside["blurred"].n) == (8.0, 2)
    assert beside["blurred"].rounds is None


def test_skipped_metrics_and_those_that_were_scored_later() -> None:
    first = evaluation(fid(1.0), skipped=[skip("nmi"), skip("mig", "value is nan")])
    later = evaluation(score("mig", 0.2))
    (group,) = compare([outcome(record(), first, later)]).groups
    assert [(one.metric, one.reason, one.seeds) for one in group.skipped] == [
        ("nmi", "no encode()", (0,))
    ]


def test_labels_say_what_tells_twins_apart() -> None:
    trials = [
        trial(1.0, device="cpu"),
        trial(2.0, device="cuda"),
        trial(3.0, device="cpu", variant="acgan"),
        trial(4.0, device="cpu", changed={"info_weight": 0.5}),
    ]
    labels = [group.label for group in compare(trials).groups]
    assert labels == [
        "infogan [device cpu]",
        "infogan [device cuda]",
        "acgan",
        "infogan:info_weight=0.5",
    ]


def test_a_budget_is_images_seen() -> None:
    critic = {"changed": {"d_steps": 7}, "rounds": 429, "images_seen": 429 * 7 * 64}
    short = {"rounds": 200, "images_seen": 200 * 64}
    lost = {"variant": "acgan", "rounds": 200, "images_seen": 64, "status": "failed"}
    made = [trial(1.0), trial(1.0, **critic), trial(1.0, **short), trial(1.0, **lost)]
    assert [group.budget for group in compare(made).groups] == [192_000, 192_000, 12_800, 12_800]


def test_a_label_budget_is_always_shown() -> None:
    made = [trial(1.0, labels="100"), trial(2.0, labels="100", device="cuda"), trial(3.0)]
    made += [trial(4.0, variant="acgan", labels="20"), trial(5.0, labels="100", seed=1)]
    found = compare(made)
    assert [(group.label, len(group.trial_results)) for group in found.groups] == [
        ("infogan [labels 100, device cpu]", 2),
        ("infogan [labels 100, device cuda]", 1),
        ("infogan", 1),
        ("acgan [labels 20]", 1),
    ]
    assert [row.labels for row in found.rows if row.metric == "fid"] == ["100", "100", None, "20"]
    lost = compare([outcome(record(labels="20", status="failed", reason="x"))])
    assert lost.failures[0]["labels"] == "20"


def test_the_best_checkpoints_are_a_line_below_the_final_ones() -> None:
    final = [evaluation(fid(value)) for value in (3.0, 5.0)]
    best = [
        evaluation(fid(value), checkpoint="best", round=100, chosen_by="fid")
        for value in (2.0, 4.0)
    ]
    both = [TrialResult(record(seed=i), [final[i], best[i]]) for i in range(2)]
    first, second = compare(both).groups
    assert (first.label, second.label) == ("infogan", "infogan [best fid]")
    assert [row.mean for row in first.rows if row.metric == "fid"] == [4.0]
    assert [(row.mean, row.checkpoint) for row in second.rows] == [(3.0, "best")]  # no costs
    assert failures(both) == []


FACTS = ["rounds", "batch_size", "device", "source", "numerics", "arithmetic", "seed", "labels"]
FACTS += ["dataset", "variant", "machine", "capability", "package"]


@pytest.mark.parametrize("name", FACTS)
def test_a_hyperparameter_named_like_a_fact_is_harmless(name: str) -> None:
    """20 rounds and 300 are two lines, whatever a plug-in calls its hyperparameters."""
    same = {"hyperparameters": {name: 7}, "images_seen": 12_800}
    made = compare([trial(1.0, rounds=20, **same), trial(2.0, seed=1, rounds=300, **same)])
    assert [(group.label, len(group.trial_results)) for group in made.groups] == [
        ("infogan [rounds 20]", 1),
        ("infogan [rounds 300]", 1),
    ]
    device = compare([trial(1.0, **same), trial(2.0, device="cuda", **same)])
    assert [group.label for group in device.groups] == [
        "infogan [device cpu]",
        "infogan [device cuda]",
    ]


def test_labels_tell_hyperparameters_from_facts() -> None:
    made = compare(
        [
            trial(1.0, hyperparameters={"rounds": 5}, rounds=20),
            trial(2.0, hyperparameters={"rounds": 6, "labels": None}, rounds=300),
        ]
    )
    assert [group.label for group in made.groups] == [
        "infogan [rounds 20, rounds=5]",
        "infogan [rounds 300, rounds=6, labels=none]",
    ]
