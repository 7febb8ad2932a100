"""The table and the document of `ganbench time`; tests/timing/test_timing.py has what is in
them."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ganbench.cli.time import command
from ganbench.timing import time_variants
from ganbench.timing.measure import Row
from ganbench.timing.sections import PARTS

REFUSED = Row("vanilla", {}, "digits", "cpu", 1, 64, "float32", "graph", reason="no GPU here")


def measured(device: str, mode: str = "eager", **more: Any) -> Row:
    gpu = device != "cpu"
    known: dict[str, Any] = {
        "machine": "Some Machine",
        "rounds": 300,
        "ms_per_round": 1.25,
        "ms_per_round_p10": 1.0,
        "ms_per_round_p90": 2.0,
        "images_per_second": 51200.4,
        "rounds_per_second": 800.0,
        "operators_per_round": 355.0,
        "kernels_per_round": 612.0 if gpu else None,
        "tflops_per_second": 0.0246,
        "share_of_peak": 0.125,
        "peak_matmul_tflops": 0.15,
        "peak_convolution_tflops": 0.197,
        "gb_per_second": 3.4,
        "copy_gb_per_second": 1234.5,
        "peak_memory_mb": 858.0,
        "busy_share": 0.43,
        "bound": "host",
        "speed_up_over_eager": 1.5,
        "shares": dict(zip(PARTS, (0.4, 0.3, 0.05, 0.05, 0.15, 0.05), strict=True)),
    }
    changed = {"d_steps": 2}
    precision = "tf32" if gpu else "float32"
    return Row("infogan", changed, "digits", device, 1, 64, precision, mode, **(known | more))


def shown(monkeypatch: pytest.MonkeyPatch, rows: list[Row], *arguments: str) -> Result:
    monkeypatch.setattr(time_variants, "time_variants", lambda specs, **given: rows)
    return CliRunner().invoke(command, ["infogan", *arguments])


def test_a_table_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = measured("cpu", "compile", peak_memory_mb=None, busy_share=None, bound=None)
    done = shown(monkeypatch, [REFUSED, measured("cpu"), compiled, REFUSED])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    refused, again = (line for line in lines if line.startswith(" vanilla"))
    assert refused == again
    assert refused.split() == ["vanilla", "64", "float32", "graph", "[1]", *["—"] * 13]
    (eager,) = (line for line in lines if " eager " in line and "infogan" in line)
    told = "1.250 1.000 2.000 51,200 355 0.0246 12.5% 3.4 858 43% host 1.50x 40/30/5/5/15/5"
    assert " ".join(eager.split()) == f"infogan:d_steps=2 64 float32 eager {told}"
    assert lines.count("[1] no GPU here") == 1
    assert "operators/" in done.stdout
    assert "kernels/" not in done.stdout
    assert "digits, cpu (Some Machine, 1 CPU thread); 300 rounds" in done.stdout
    assert any(line.startswith("—:") for line in lines)


def test_a_table_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [measured("cuda"), measured("cuda", "graph", bound="device", rounds=1000)]
    done = shown(monkeypatch, rows)
    assert "kernels/" in done.stdout
    assert "operators/" not in done.stdout
    assert "612" in done.stdout
    assert "300 to 1000 rounds" in done.stdout
    assert "device events" in done.stdout
    assert "peak, tf32: matrix product 0.150, convolution 0.197 TFLOP/s" in done.stdout


def test_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    done = shown(monkeypatch, [REFUSED, measured("cpu")], "--json")
    document = json.loads(done.stdout)
    assert document["schema"] == 2
    names = {field.name for field in fields(Row)}
    assert [set(row) for row in document["rows"]] == [names, names]
    assert document["rows"][0]["reason"] == "no GPU here"
    assert document["rows"][1]["shares"]["optimizer"] == 0.15


def test_nothing_could_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, [REFUSED]).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mode", "fast"], "mode 'fast'"),
        (["--precision", "tf32,fp8"], "precision 'fp8'"),
        (["--batch-size", "64,x"], "batch-size '64,x'"),
        (["--batch-size", "1"], "batch size 1"),
        (["--threads", "0"], "threads 0"),
        (["--trace", "nowhere/trace.json"], "nowhere/trace.json: cannot be written"),
    ],
)
def test_wrong_options(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, ["vanilla", *arguments])
    assert words in str(done.exception)
    assert type(done.exception).__name__ == "UserError"  # which main() shows as one line
