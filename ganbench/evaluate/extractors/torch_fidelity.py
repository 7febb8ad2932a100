"""Inception, CLIP and DINOv2, as torch-fidelity builds, resizes and reads them.

torch-fidelity unpickles the weights of Inception and DINOv2. Here they are read by torch's
loader of weights alone, which runs no code, and handed on; CLIP's archive is opened only if it
has the published SHA-256. DINOv2's code is the authors' repository: it is fetched and run by
torch.hub, as torch-fidelity does, since the user asked for that extractor.
"""

from __future__ import annotations

import io
import os
import pickle
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganbench.evaluate.capabilities import NoWeights, Unavailable
from ganbench.evaluate.extractor_table import KNOWN, ExtractorSpec
from ganbench.evaluate.extractors.base import Extractor, Read, first_line
from ganbench.evaluate.extractors.weights import TIMEOUT, Weights, sha256_of, whole

CLIP = "clip-vit-l-14-336px"
DINOV2 = "dinov2_vitl14"
DINOV2_CODE = "facebookresearch/dinov2"
PATIENCE = 60.0
"""Seconds of reading that are not worth a word."""
DINOV2_URL = "https://dl.fbaipublicfiles.com/dinov2"


class TorchFidelityExtractor(Extractor):
    """One of torch-fidelity's feature extractors.

    Grey images are repeated to three channels. Images are resized by torch-fidelity's bilinear
    rule (TensorFlow 1's: corners not aligned, no smoothing when it shrinks) to `side` pixels.
    The features are float32; Inception's logits are torch-fidelity's `logits_unbiased`.

    spec: of "inception", "clip" or "dinov2". Raises NoWeights, with what to put where, where the
    weights cannot be had or read.
    """

    shape = (None, None, None)
    batch = 32

    def __init__(self, spec: ExtractorSpec, device: torch.device | str = "cpu") -> None:
        name = spec.name
        source = _SOURCES[name]()
        source.prepare()
        digest = _whole(name, source.weights)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch-fidelity's use of torch.jit and the like
                network = source.build(source.weights.path)
        except Exception as error:  # a damaged file, or code that is not ours
            raise NoWeights(
                f"extractor {name}: cannot use {source.weights.path} ({first_line(error)}); "
                "delete it if it is damaged"
            ) from error
        self.name = name
        self.identity = _identity(name, digest, source.side)
        self.device = torch.device(device)
        self._network = network.to(self.device).eval().requires_grad_(False)

    def look(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features and, of Inception, logits of one batch. Raises Unavailable for 2 channels."""
        if images.shape[1] not in (1, 3):
            raise Unavailable(f"extractor {self.name} reads grey or colour images")
        answers = self._network(images.expand(-1, 3, -1, -1))
        return answers[0], answers[1] if len(answers) > 1 else None

    def read(self, images: Tensor) -> Read:
        """As `Extractor.read`; what takes minutes is said before it begins."""
        seconds = len(images) * KNOWN[self.name].seconds
        if self.device.type == "cpu" and seconds > PATIENCE:
            print(
                f"{self.name} reads {len(images):,} images: about {_long(seconds)} on one core of "
                "a CPU (--device cuda is faster)",
                file=sys.stderr,
                flush=True,
            )
        return super().read(images)


def _long(seconds: float) -> str:
    """A duration in words: minutes, or hours where there are two or more."""
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"


def _identity(name: str, digest: str, side: int) -> str:
    return f"{name}@{digest[:8]} ({_rule(side)})"


def _rule(side: int) -> str:
    return f"bilinear to {side} px"


def declared(spec: ExtractorSpec) -> str:
    """The identity of an extractor by the hash that was published; nothing is fetched.

    Of DINOv2's weights no hash was published: its name says all.
    """
    name = spec.name
    source = _SOURCES[name]()
    digits = source.weights.sha256
    return _identity(name, digits, source.side) if digits else f"{name} ({_rule(source.side)})"


def found(name: str) -> str:
    """SHA-256 of the weights that are here, "" where there are none; nothing is fetched."""
    path = _SOURCES[name]().weights.path
    try:
        return sha256_of(path)
    except OSError:
        return ""


def _whole(name: str, weights: Weights) -> str:
    try:
        return whole(weights)
    except NoWeights as reason:
        raise NoWeights(f"extractor {name}: {reason}") from reason


def _safely(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError("it holds other things than weights") from error


def _nothing() -> None:
    pass


class WeightsSource(NamedTuple):
    """What an extractor is made of.

    side: pixels that images are resized to. build: the network from the file of weights.
    prepare: fetches what else it takes.
    """

    weights: Weights
    side: int
    build: Callable[[Path], nn.Module]
    prepare: Callable[[], object] = _nothing


def _inception() -> WeightsSource:
    from torch_fidelity.feature_extractor_inceptionv3 import (
        URL_INCEPTION_V3,
        FeatureExtractorInceptionV3,
    )

    def build(path: Path) -> nn.Module:
        again = io.BytesIO()  # torch-fidelity would unpickle the file; it may unpickle our copy
        torch.save(_safely(path), again)
        again.seek(0)
        network: nn.Module = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=again
        )
        return network

    file = Path(URL_INCEPTION_V3).name
    digits = Path(file).stem.rpartition("-")[2]
    path = _hub() / "checkpoints" / file
    weights = Weights(URL_INCEPTION_V3, path, digits, KNOWN["inception"].megabytes)
    return WeightsSource(weights, FeatureExtractorInceptionV3.INPUT_IMAGE_SIZE, build)


def _clip() -> WeightsSource:
    from torch_fidelity.feature_extractor_clip import (
        MODEL_METADATA,
        MODEL_URLS,
        FeatureExtractorCLIP,
    )

    def build(path: Path) -> nn.Module:
        network: nn.Module = FeatureExtractorCLIP(
            CLIP, ["clip"], feature_extractor_weights_path=str(path)
        )
        return network

    digits = MODEL_METADATA[CLIP]["hash"]
    path = _hub() / "checkpoints" / f"{CLIP}-{digits}.pt"
    weights = Weights(MODEL_URLS[CLIP], path, digits, KNOWN["clip"].megabytes)
    return WeightsSource(weights, 336, build)


def _dinov2() -> WeightsSource:
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

    class Safely(FeatureExtractorDinoV2):
        """torch-fidelity's, but for its constructor, which would unpickle the weights."""

        def __init__(self, path: Path) -> None:
            FeatureExtractorBase.__init__(self, "dinov2-vit-l-14", ["dinov2"])
            self.feature_extractor_internal_dtype = torch.float32
            self.model = _dinov2_network()
            missing = self.model.load_state_dict(_safely(path), strict=False).missing_keys
            if missing:
                raise ValueError(f"it has no {missing[0]}")

    weights = Weights(
        f"{DINOV2_URL}/{DINOV2}/{DINOV2}_pretrain.pth",
        _hub() / "checkpoints" / f"{DINOV2}_pretrain.pth",
        "",  # none is published
        KNOWN["dinov2"].megabytes,
    )
    return WeightsSource(weights, FeatureExtractorDinoV2.INPUT_IMAGE_SIZE, Safely, _dinov2_code)


def _dinov2_network() -> nn.Module:
    """DINOv2 without weights, by the authors' code in torch's hub folder."""
    os.environ["XFORMERS_DISABLED"] = "1"  # the same arithmetic whatever is installed
    network: nn.Module = torch.hub.load(
        str(_dinov2_code()), DINOV2, source="local", pretrained=False
    )
    return network


def _dinov2_code() -> Path:
    """Where the authors' repository lies; it is fetched where it is not there."""
    code = _hub() / "facebookresearch_dinov2_main"
    if not (code / "hubconf.py").is_file() and (reason := _fetch_code()):
        raise NoWeights(
            f"extractor dinov2: unpack https://github.com/{DINOV2_CODE}/archive/main.zip as "
            f"{code} (download: {reason})"
        )
    return code


@cache
def _fetch_code() -> str:
    """Let torch.hub fetch the repository, once per process; why it failed, or nothing."""
    print(f"fetching the code of dinov2, {DINOV2_CODE}", file=sys.stderr, flush=True)
    try:
        with _impatient(), redirect_stdout(sys.stderr):
            torch.hub.list(DINOV2_CODE, skip_validation=True, trust_repo=True, verbose=False)
    except Exception as error:  # whatever the network, the archive or the code in it is up to
        return first_line(error)
    return ""


def _hub() -> Path:
    return Path(torch.hub.get_dir())


@contextmanager
def _impatient() -> Iterator[None]:
    """torch.hub waits for ever for a silent server."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


_SOURCES = {"inception": _inception, "clip": _clip, "dinov2": _dinov2}
