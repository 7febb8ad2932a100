"""Inception, CLIP and DINOv2 through torch-fidelity, on made-up weights; and without weights."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity import feature_extractor_clip as tf_clip
from torch_fidelity import feature_extractor_inceptionv3 as tf_inception

from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractor_table, extractors
from ganbench.evaluate.capabilities import NoWeights, Unavailable
from ganbench.evaluate.extractors import torch_fidelity, weights
from ganbench.evaluate.extractors.weights import Weights
from ganbench.evaluate.harness import Settings, evaluate
from tests.evaluate.beside import reasons
from tests.evaluate.fakes import Album

COLOUR = torch.randint(
    0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub folder of torch."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for kept in (weights._attempt, torch_fidelity._fetch_code, extractors._made):
        kept.cache_clear()
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("name", "files", "pinned"),
    [
        ("inception", ["checkpoints/weights-inception-2015-12-05-6726825d.pth"], "@6726825d"),
        ("clip", ["checkpoints/clip-vit-l-14-336px-3035c92b"], "@3035c92b"),
        ("dinov2", ["facebookresearch_dinov2_main"], ""),
    ],
)
def test_without_weights_it_says_what_to_put_where(
    hub: Path, name: str, files: list[str], pinned: str
) -> None:
    with pytest.raises(NoWeights, match=f"extractor {name}: .*https://.* (at|as) ") as caught:
        extractors.get(name)
    for file in files:
        assert str(hub / file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert extractors.identity(name, "").startswith(f"{name}{pinned} (bilinear to ")
    assert extractors.found(name, "") == ""
    assert not extractor_table.is_here(name)
    assert not list((hub / "checkpoints").iterdir())


def test_a_download_is_tried_once(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def fail(wanted: Weights) -> None:
        tried.append(wanted.url)
        raise TimeoutError("timed out")

    monkeypatch.setattr(weights, "download", fail)
    for _ in range(3):
        with pytest.raises(Unavailable, match="timed out"):
            extractors.get("inception")
    assert len(tried) == 1


@pytest.mark.usefixtures("hub", "forgotten")
def test_the_rest_of_the_evaluation_goes_on(digits: Dataset) -> None:
    metrics = ("fid", "fd_dinov2", "cmmd", "cluster_accuracy")
    settings = Settings(extractor="inception", metrics=metrics)
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    assert [score.metric for score in found.scores] == ["cluster_accuracy"]
    why = reasons(found)
    assert list(why) == ["fid", "fd_dinov2", "cmmd"]
    for metric, name in (("fid", "inception"), ("fd_dinov2", "dinov2"), ("cmmd", "clip")):
        assert why[metric].startswith(f"extractor {name}: ")
        assert "\n" not in why[metric]


def test_the_list_looks_where_torch_looks(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert extractor_table.hub() == hub == Path(torch.hub.get_dir())
    monkeypatch.delenv("TORCH_HOME")
    assert extractor_table.hub() == Path(torch.hub.get_dir())
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert extractor_table.hub() == Path(torch.hub.get_dir())


# Weights of the right shapes.


def put(state: dict[str, Tensor], path: Path) -> str:
    torch.save(state, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def random_inception() -> dict[str, Tensor]:
    """The state of torch-fidelity's Inception with random weights, which it cannot make itself."""
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(tf_inception, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(tf_inception.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        return tf_inception.FeatureExtractorInceptionV3("any", ["2048"]).state_dict()


@pytest.mark.slow
def test_inception_is_torch_fidelitys(
    hub: Path, monkeypatch: pytest.MonkeyPatch, random_inception: dict[str, Tensor]
) -> None:
    draft = hub / "draft"
    digest = put(random_inception, draft)
    file = hub / "checkpoints" / f"weights-{digest[:8]}.pth"
    draft.rename(file)
    monkeypatch.setattr(tf_inception, "URL_INCEPTION_V3", f"https://nowhere/{file.name}")
    extractor = extractors.get("inception")
    assert extractor.identity == f"inception@{digest[:8]} (bilinear to 299 px)"
    assert extractors.identity("inception", "") == extractor.identity
    found = extractor.read(COLOUR)
    assert found.features.shape == (3, extractor_table.KNOWN["inception"].features)
    theirs = tf_inception.FeatureExtractorInceptionV3(
        "any", ["2048", "logits_unbiased"], feature_extractor_weights_path=file
    )
    features, logits = theirs(COLOUR)
    assert torch.equal(found.features, features)
    assert found.logits is not None
    assert torch.equal(found.logits, logits)
    grey = COLOUR[:, :1]
    repeated = extractor.features(grey.repeat(1, 3, 1, 1))
    assert torch.equal(extractor.features(grey), repeated)


class Node(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def archive(state: dict[str, Tensor]) -> bytes:
    """A TorchScript archive with that state, as CLIP's authors publish it."""
    root = Node()
    for key, value in state.items():
        *parents, name = key.split(".")
        place = root
        for parent in parents:
            if not hasattr(place, parent):
                place.add_module(parent, Node())
            place = getattr(place, parent)
        place.register_parameter(name, nn.Parameter(value))
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(root), content)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_clip_is_torch_fidelitys(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    tiny = tf_clip.CLIPVisual(24, 32, 2, 64, 16)
    content = archive({**tiny.state_dict(), "text_projection": torch.zeros(7, 24)})
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(
        tf_clip.MODEL_METADATA, torch_fidelity.CLIP, {"hash": digest, "filename": "x"}
    )
    path = hub / "checkpoints" / f"{torch_fidelity.CLIP}-{digest}.pt"
    path.write_bytes(content)
    extractor = extractors.get("clip")
    assert extractor.identity == f"clip@{digest[:8]} (bilinear to 336 px)"
    theirs = tf_clip.FeatureExtractorCLIP(
        torch_fidelity.CLIP, ["clip"], feature_extractor_weights_path=str(path)
    )
    found = extractor.read(COLOUR)
    assert found.features.shape == (3, 24)
    assert torch.equal(found.features, theirs(COLOUR)[0])
    assert found.logits is None
    with pytest.raises(Unavailable, match="clip has no logits"):
        extractor.logits(COLOUR)
    with pytest.raises(Unavailable, match="grey or colour"):
        extractor.read(COLOUR[:, :2])
    path.write_bytes(content + b" ")  # no archive of another hash is opened
    extractors._made.cache_clear()
    with pytest.raises(Unavailable, match="is not the published file"):
        extractors.get("clip")


HUBCONF = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 6)

    def forward(self, x):
        return self.layer(x.mean((2, 3)))

def dinov2_vitl14(pretrained=True):
    assert not pretrained, "would unpickle the weights"
    return Tiny()
"""


@pytest.fixture
def code(hub: Path) -> Path:
    """A stand-in for the authors' repository."""
    (hub / "facebookresearch_dinov2_main").mkdir()
    (hub / "facebookresearch_dinov2_main" / "hubconf.py").write_text(HUBCONF)
    return hub / "checkpoints" / "dinov2_vitl14_pretrain.pth"


def test_dinov2_is_built_from_code_and_weights(hub: Path, code: Path) -> None:
    with pytest.raises(Unavailable, match=r"put https://.*dinov2_vitl14_pretrain.pth at "):
        extractors.get("dinov2")
    layer = nn.Linear(3, 6)
    state = {f"layer.{key}": value for key, value in layer.state_dict().items()}
    digest = put({**state, "mask_token": torch.zeros(1)}, code)
    assert extractor_table.is_here("dinov2")
    before = torch.get_rng_state()
    extractor = extractors.get("dinov2")
    assert torch.equal(torch.get_rng_state(), before)
    assert extractor.identity == f"dinov2@{digest[:8]} (bilinear to 224 px)"
    white = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    scaled = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    assert torch.allclose(
        extractor.features(white), layer(scaled).detach().expand(2, -1), atol=1e-5
    )


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, ("touch exploded",)


def test_weights_are_not_unpickled(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"layer.weight": Bomb()}, code)
    with pytest.raises(Unavailable, match="holds other things than weights"):
        extractors.get("dinov2")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", [b"", b"half of a fi", b"PK\x03\x04 cut"])
def test_damaged_weights(code: Path, content: bytes) -> None:
    code.write_bytes(content)
    with pytest.raises(Unavailable, match=r"cannot use .*delete it if it is damaged") as caught:
        extractors.get("dinov2")
    assert "\n" not in str(caught.value)


def test_weights_of_another_network(code: Path) -> None:
    put({"other.weight": torch.zeros(2)}, code)
    with pytest.raises(Unavailable, match=r"it has no layer\.weight"):
        extractors.get("dinov2")


def test_a_file_of_another_hash(hub: Path) -> None:
    (hub / "checkpoints" / "weights-inception-2015-12-05-6726825d.pth").write_bytes(b"half")
    with pytest.raises(Unavailable, match=r"is not the published file .*: delete it"):
        extractors.get("inception")


# Downloads, from this machine.


@contextmanager
def server(body: bytes, length: int | None = None, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    one = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=one.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{one.server_port}/w.pth"
    finally:
        one.shutdown()
        thread.join()
        one.server_close()


BODY = b"weights" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


def test_a_whole_download(hub: Path) -> None:
    path = hub / "checkpoints" / "deeper" / "w.pth"
    with server(BODY) as url:
        assert weights.whole(Weights(url, path, DIGEST[:8])) == DIGEST
    assert weights.whole(Weights(url, path, DIGEST[:8])) == DIGEST  # no server any more
    assert path.read_bytes() == BODY
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"length": len(BODY) + 5}, "ended after 7000 of 7005 bytes|IncompleteRead"),
        ({"body": b"an error page"}, "has another hash"),
        ({"status": 404}, "Not Found"),
    ],
    ids=["cut", "other", "missing"],
)
def test_what_is_no_whole_file_is_not_kept(
    hub: Path, arguments: dict[str, Any], reason: str
) -> None:
    path = hub / "checkpoints" / "w.pth"
    with (
        server(**{"body": BODY, **arguments}) as url,
        pytest.raises(Unavailable, match=f"put {url} at {path} .*({reason})"),
    ):
        weights.whole(Weights(url, path, DIGEST))
    assert not list(path.parent.iterdir())


def test_a_silent_server(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/w.pth"
        with pytest.raises(Unavailable, match="timed out"):
            weights.whole(Weights(url, hub / "checkpoints" / "w.pth", ""))


def test_a_changed_file_has_another_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganbench.core.cache.SLOW", 0.0)  # as if it were large
    path = tmp_path / "w"
    path.write_bytes(b"one")
    assert weights.sha256_of(path) == hashlib.sha256(b"one").hexdigest()
    assert weights.sha256_of(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"three")
    assert weights.sha256_of(path) == hashlib.sha256(b"three").hexdigest()
