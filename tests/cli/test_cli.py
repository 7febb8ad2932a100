"""The command line as a user meets it: exit codes, streams, one-line errors, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from ganbench.cli import main

ENVIRONMENT = {**os.environ, "COLUMNS": "120"}


def ganbench(*arguments: str, cwd: Path, **more: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ganbench", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        **more,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "infogna"], "did you mean 'infogan'"),
        (["run", "infogan:lr=1"], "valid: "),
        (["run", "infogan:info_weight=much"], "info_weight=much"),
        (["run", "infogan", "--set", "info_weight"], "name=value"),
        (["run", "infogan", "--dataset", "digit"], "did you mean 'digits'"),
        (["run", "infogan", "--seeds", "0"], "seeds '0'"),
        (["run", "infogan", "--seeds", "x"], "seeds 'x'"),
        (["run", "infogan", "--rounds", "0"], "rounds 0"),
        (["run", "infogan", "--rounds", "many"], "--rounds"),
        (["run", "infogan", "--jobs", "0"], "jobs '0'"),
        (["run", "acgan", "--labels", "few"], "labels 'few': give a total"),
        (["run", "acgan", "--labels", "900/class"], "only 1097 training images"),
        (["run", "infogan", "--labels", "100"], "no variant here reads labels (infogan)"),
        (["run", "infogan", "--results", "/proc/nothing"], "cannot write results"),
        (["run", "./none.py"], "no such variant file"),
        (["run"], "SPEC"),
        (["rum"], "No such command"),
        (["run", "vanilla", "--metrics", "fidd"], "did you mean 'fid'"),
        (["run", "vanilla", "--samples", "0"], "samples 0"),
        (["run", "vanilla", "--extractor", "digits-v2"], "digits-v1"),
        (["run", "vanilla", "--eval-every", "0"], "eval-every 0"),
        (["run", "vanilla", "--eval-metrics", "fid"], "--eval-every N"),
        (["evaluate"], "RUN"),
        (["evaluate", "nowhere"], "no such directory"),
        (["evaluate", ".", "--metrics", "fidd"], "did you mean 'fid'"),
        (["compare", "nowhere"], "no such directory"),
        (["compare"], "no results/ here"),
        (["compare", "--json", "--csv"], "choose one"),
        (["time", "infogna"], "did you mean 'infogan'"),
        (["time", "infogan", "--mode", "fast"], "mode 'fast'"),
        (["time", "infogan", "--precision", "fp8"], "precision 'fp8'"),
        (["time", "infogan", "--batch-size", "64,x"], "batch-size '64,x'"),
        (["list", "variant"], "variants"),
        (["list", "hyperparameters"], "takes one SPEC"),
        (["list", "metrics", "infogan"], "unknown metric"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ganbench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "results" / "digits").exists()


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = ganbench("run", "infogna", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean 'infogan'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_absent_cuda(tmp_path: Path) -> None:
    done = ganbench("run", "infogan", "--device", "cuda", cwd=tmp_path)
    assert done.returncode == 2
    assert "finds no CUDA device" in done.stderr


def test_list(tmp_path: Path) -> None:
    document = json.loads(ganbench("list", "--json", cwd=tmp_path).stdout)
    assert document["schema"] == 1
    assert {"vanilla", "infogan", "acgan"} <= {v["name"] for v in document["variants"]}
    datasets = {d["name"]: d for d in document["datasets"]}
    assert {"digits", "mnist", "cifar10", "sprites", "folder", "npz"} <= set(datasets)
    assert datasets["digits"]["here"] is True
    assert (datasets["npz"]["here"], datasets["npz"]["path"]) == (None, True)
    assert "orientation" in datasets["sprites"]["factors"]
    assert {"fid", "code_recovery", "cluster_accuracy"} <= {m["name"] for m in document["metrics"]}
    names = [e["name"] for e in document["extractors"]]
    assert names == ["digits-v1", "mnist-v1", "inception", "clip", "dinov2", "file:PATH"]
    assert [e["here"] for e in document["extractors"]] == [True, True, False, False, False, None]
    only = json.loads(ganbench("list", "datasets", "--json", cwd=tmp_path).stdout)
    assert set(only) == {"schema", "datasets"}
    asked = ganbench(
        "list", "hyperparameters", "infogan:preset=authors,d_lr=1e-3", "--json", cwd=tmp_path
    )
    knobs = {row["name"]: row for row in json.loads(asked.stdout)["hyperparameters"]}
    assert (knobs["dense"]["value"], knobs["d_lr"]["value"]) == (1024, 1e-3)
    assert knobs["preset"]["note"] == "none | authors | mlp | tutorial"
    assert knobs["information"]["note"] == "generator | joint | separate | q_only"


def test_list_of_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "svhn").mkdir()
    for name in ("train_32x32.mat", "test_32x32.mat"):
        (tmp_path / "svhn" / name).touch()
    monkeypatch.setitem(ENVIRONMENT, "GANBENCH_DATA", str(tmp_path / "svhn"))
    found = ganbench("list", "datasets", cwd=tmp_path).stdout.splitlines()
    rows = {line.split()[0]: line for line in found}
    columns = ["name", "images", "shape", "classes", "factors", "from", "here"]
    assert rows["name"].split() == columns
    assert rows["mnist"].split()[1:4] == ["70,000", "1x28x28", "10"]
    assert "shape, scale, orientation, x, y" in rows["sprites"]
    assert [rows[name].split()[-1] for name in ("digits", "svhn", "mnist")] == ["yes", "yes", "no"]
    assert rows["folder:PATH"].split()[1:5] == ["-"] * 4
    ends = {line.index("  ", line.index(line.split()[1])) for line in found[1:]}
    assert len(ends) == 1  # the counts end below each other


@pytest.mark.slow
def test_run_and_compare(tmp_path: Path) -> None:
    options = ["--seeds", "1", "--rounds", "30"]
    one = ganbench(
        "run",
        "infogan:info_weight=0.5",
        "infogan:info_weight=0.1",
        *options,
        "--results",
        "a",
        "--json",
        cwd=tmp_path,
    )
    assert one.returncode == 0, one.stderr
    rows = json.loads(one.stdout)["rows"]
    found = [
        r["hyperparameters"] for r in rows if r["metric"] == "fid" and r["variant"] == "infogan"
    ]
    assert found == [{"info_weight": 0.5}, {"info_weight": 0.1}]

    two = ganbench("run", "acgan", *options, "--results", "b", cwd=tmp_path)
    assert two.returncode == 0, two.stderr
    assert "acgan" in two.stdout
    assert "samples.png" in two.stderr
    assert "[1/1] acgan seed 0: finished" in two.stderr  # plain lines: stderr is no terminal

    both = ganbench("compare", "a", "b", "--json", cwd=tmp_path)
    variants = {r["variant"] for r in json.loads(both.stdout)["rows"] if r["kind"] == "variant"}
    assert variants == {"infogan", "acgan"}
    asked = ["--metrics", "fid", "--samples", "2000"]
    again = ganbench("evaluate", "a", *asked, "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    fids = [r for r in json.loads(again.stdout)["rows"] if r["kind"] == "variant"]
    protocol = next(r["protocol"] for r in fids if r["metric"] == "fid")
    assert protocol["generated"] == 2000
    csv = ganbench("compare", "a", "b", "--csv", cwd=tmp_path).stdout
    (tmp_path / "table.csv").write_text(csv)
    import pandas as pd

    frame = pd.read_csv(tmp_path / "table.csv")
    assert set(frame["label"]) >= {"acgan", "infogan:info_weight=0.1"}
    assert "| acgan |" in ganbench("compare", "a", "b", "--markdown", cwd=tmp_path).stdout
    assert r"\toprule" in ganbench("compare", "a", "b", "--latex", cwd=tmp_path).stdout


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    place = tmp_path / "r" / "digits" / "x"
    place.mkdir(parents=True)
    (place / "record.json").write_text('{"schema_version": 1,')
    done = ganbench("compare", "r", cwd=tmp_path)
    assert done.returncode == 2
    assert "record.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_diverging_trial_exits_1_and_is_a_failure_in_the_document(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "import torch\nfrom ganbench.model import GAN\n\n\n"
        "class Bad(GAN):\n"
        '    """GAN that diverges."""\n\n'
        "    def generator_loss(self, batch):\n"
        "        nan = torch.where(batch.progress > 0.2, float('nan'), 0.0)\n"
        "        return super().generator_loss(batch) + nan\n"
    )
    done = ganbench("run", "./bad.py", "--seeds", "1", "--rounds", "9", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (failure,) = json.loads(done.stdout)["failures"]
    assert failure["status"] == "diverged"
    assert "generator became nan" in failure["reason"]


@pytest.mark.slow
def test_stdout_is_data_whatever_a_plug_in_prints(tmp_path: Path) -> None:
    """Beside it a stray copy.py, which must hide no library, and a neighbour to import."""
    (tmp_path / "copy.py").write_text("raise RuntimeError('not the library')\n")
    (tmp_path / "neighbour.py").write_text("SCALE = 1.0\n")
    (tmp_path / "loud.py").write_text(
        "import os\nfrom ganbench.model import GAN\nfrom neighbour import SCALE\n\n"
        "print('hello at import')\n\n\n"
        "class Loud(GAN):\n"
        '    """GAN that talks."""\n\n'
        "    def generator_loss(self, batch):\n"
        "        print('hello')\n"
        "        os.write(1, b'raw hello')\n"
        "        return SCALE * super().generator_loss(batch)\n"
    )
    command = Path(sys.executable).parent / "ganbench"
    done = subprocess.run(
        [command, "run", "loud.py", "--seeds", "1", "--rounds", "5", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failures"] == []
    assert "hello at import" in done.stderr


@pytest.mark.slow
def test_time(tmp_path: Path) -> None:
    done = ganbench("time", "vanilla", "vanilla:d_steps=2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 2
    one, two = document["rows"]
    assert two["flops_per_round"] > 1.3 * one["flops_per_round"]
    for row in (one, two):
        assert 0 < row["ms_per_round_p10"] <= row["ms_per_round"] <= row["ms_per_round_p90"]
        per_round = row["images_per_second"] / row["rounds_per_second"]
        assert per_round == pytest.approx(64 if row is one else 128)
    assert not (tmp_path / "results").exists()


def workers(parent: int) -> list[int]:
    """Processes below a process, by /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_killed_it_takes_its_workers_along(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ganbench", "run", "vanilla", "--rounds", "90000", "--seeds", "1"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("results/digits/*/history.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    children = workers(process.pid)
    process.kill()
    process.wait()
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline, "workers outlived the command"
        time.sleep(0.2)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_keeps_what_is_finished(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ganbench", "run", "acgan", "--rounds", "20", "--seeds", "1"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [*command[:-4], "vanilla", "--rounds", "20000", "--seeds", "3", "--jobs", "2"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,  # so that the signal reaches the whole group, as a terminal's does
        # a shell's background jobs, and all that they start, ignore Ctrl-C
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("results/digits/*/history.jsonl"))[1:]:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.2)
    children = workers(process.pid)
    assert children
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert process.wait(60) == 130
    log.seek(0)
    text = log.read()
    assert "Traceback" not in text
    assert "the same command goes on" in text
    deadline = time.monotonic() + 20
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline, "workers outlived the command"
        time.sleep(0.2)
    records = list(tmp_path.glob("results/digits/*/record.json"))
    assert len(records) == 1
    assert list(tmp_path.glob("results/digits/*/state.json"))
