"""`file:PATH`: a network of the user's own, as an exported program (.pt2) or ONNX.

It takes float32 images (n, c, h, w) in [-1, 1] at the data set's own size, any n, and returns
features (n, d), or features and logits (n, classes) with the data set's classes in their order.
It runs on the CPU.

An exported program is a program. Reading one evaluates expressions that are written in it, so
it is as trusted as a variant's file; what is pickled in it is read as weights alone. ONNX is
data: it names operators and runs no code of its own.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ganbench.core.errors import UserError
from ganbench.data.dataset import to_unit_range
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.extractors.base import Extractor, first_line
from ganbench.evaluate.extractors.weights import sha256_of

Size = int | None
Run = Callable[[Tensor], Sequence[Tensor]]
EXTERNAL = b"\n\x08location\x12"
"""How an ONNX file says, in protobuf, that a tensor lies in another file."""


class Exported(Extractor):
    """A network from a file, named by the stem of its name and the hash of its content.

    Raises UserError where the file cannot be read, or takes batches of one size only.
    """

    batch = 100

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path}"
        self.identity = identity(path)
        content = _content(path)
        if hashlib.sha256(content).hexdigest()[:8] != self.identity.rpartition("@")[2]:
            raise UserError(f"{path} changed while it was read")
        read = _program if path.suffix == ".pt2" else _onnx
        sizes, self._run = read(path, content)
        if len(sizes) != 4:
            raise UserError(f"{path}: takes input of {len(sizes)} dimensions, not (n, c, h, w)")
        if sizes[0] is not None:
            raise UserError(
                f"{path}: exported for batches of exactly {sizes[0]}; export it with a dynamic "
                "first dimension (docs/metrics.md, file:PATH)"
            )
        self.shape = tuple(sizes[1:])

    def look(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features and logits of one batch. Raises Unavailable where the network cannot."""
        try:
            answers = self._run(to_unit_range(images))
        except Exception as error:  # whatever a network of somebody's own is up to
            raise Unavailable(f"extractor {self.name} failed: {first_line(error)}") from error
        if len(answers) not in (1, 2) or not all(isinstance(one, Tensor) for one in answers):
            raise Unavailable(f"extractor {self.name} gave neither features nor (features, logits)")
        return answers[0], answers[1] if len(answers) == 2 else None


def identity(path: Path) -> str:
    """Stem of the file's name and hash of its content. Raises UserError where it is not there."""
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise UserError(f"extractor file:{path}: cannot read it ({error.strerror})") from error
    stem = re.sub(r"[^\w.+-]", "_", path.stem)
    return f"{stem}@{digest[:8]}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"extractor file:{path}: cannot read it ({error.strerror})") from error


def _program(path: Path, content: bytes) -> tuple[list[Size], Run]:
    """Input sizes (None: any) and the call of an exported program."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any("opaque" in Path(name).name for name in archive.namelist()):
                raise pickle.UnpicklingError
        with _weights_only():
            program = torch.export.load(io.BytesIO(content))
        run = program.module()
    except pickle.UnpicklingError as error:
        raise UserError(f"{path}: has pickled objects in it, which are not read") from error
    except Exception as error:  # torch.export has many words for a damaged file
        reason = first_line(error).partition(" Please check the warnings")[0]
        raise UserError(f"{path}: not a program of torch.export ({reason})") from error
    inputs = program.graph_signature.user_inputs
    if len(inputs) != 1:
        raise UserError(f"{path}: takes {len(inputs)} inputs, not one batch of images")
    node = next(node for node in program.graph.nodes if node.name == inputs[0])
    sizes = [size if isinstance(size, int) else None for size in node.meta["val"].shape]

    def call(images: Tensor) -> Sequence[Tensor]:
        answer = run(images)
        return (answer,) if isinstance(answer, Tensor) else tuple(answer)

    return sizes, call


@contextmanager
def _weights_only() -> Iterator[None]:
    """Whatever torch unpickles meanwhile is read as weights alone; what it logs is not shown."""
    switch, logger = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", logging.getLogger("torch.export")
    before, level = os.environ.get(switch), logger.level
    os.environ[switch] = "1"
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
        if before is None:
            del os.environ[switch]
        else:
            os.environ[switch] = before


def _onnx(path: Path, content: bytes) -> tuple[list[Size], Run]:
    """Input sizes (None: any) and the call of an ONNX network."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path} needs onnxruntime: pip install 'ganbench[onnx]'") from error
    if EXTERNAL in content:
        raise UserError(
            f"{path}: its weights lie in another file, which its hash would not cover; export it "
            "with external_data=False"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"{path}: not an ONNX network ({first_line(error)})") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise UserError(f"{path}: takes {len(inputs)} inputs, not one batch of images")
    sizes = [size if isinstance(size, int) else None for size in inputs[0].shape]

    def call(images: Tensor) -> Sequence[Tensor]:
        answers = session.run(None, {inputs[0].name: images.numpy()})
        return [torch.from_numpy(answer) for answer in answers]

    return sizes, call
