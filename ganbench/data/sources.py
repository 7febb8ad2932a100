"""The table of data sets: what is known of each before it is loaded. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class DatasetSpec:
    """The one declaration of a data set, with the budget that a study trains for by default.

    name: also what `recipes` of hyperparameters are keyed by, unless it is `tuned_as` another.
    summary: one line. target: the function `load(spec: Spec, root: Path) -> Dataset`, as
    `module:function`, which is imported when the data is first loaded, or itself. size: images in
    all splits, 0 where that depends on the user's files. shape: (c, h, w) or (2,), () where it
    depends. classes: 0 for none. origin: where it comes from, in a few words. rounds of batch_size
    images: the budget. embedded: needs no file. files: glob patterns below the data root that show
    it is there. factors: names of the ground-truth factors. options: the values an option may
    take, the default first; a single one means any text may be given. extractor: the one that
    fidelity is measured in unless the user names another, "" for none.
    """

    name: str
    summary: str
    target: str | Callable[[Any, Any], Any]
    size: int = 0
    shape: tuple[int, ...] = ()
    classes: int = 0
    origin: str = ""
    rounds: int = 5000
    batch_size: int = 64
    embedded: bool = False
    files: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    takes_path: bool = False
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tuned_as: str = ""
    extractor: str = ""
    digest: str = ""
    """Of the source of a plug-in's; "" for ganbench's own."""

    @property
    def recipe(self) -> str:
        """The data set whose `recipes` of hyperparameters are used."""
        return self.tuned_as or self.name

    def changed(self, options: Mapping[str, str]) -> dict[str, str]:
        """Those of the options that have another value than their default."""
        return {k: v for k, v in options.items() if v != self.options[k][0]}

    def load(self, spec: Any, root: Any) -> Any:
        """The `Dataset` of a `Spec`. Imports the target."""
        if callable(self.target):
            return self.target(spec, root)
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)(spec, root)


def _idx(folder: str) -> tuple[str, ...]:
    """The files of a set in MNIST's format, unpacked or not."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(f"{folder}/raw/{name}-ubyte*" for name in names)


SOURCES = {
    source.name: source
    for source in (
        DatasetSpec(
            "digits",
            "1,797 handwritten digits, 8x8 grey",
            "ganbench.data.sets.digits:load",
            1797,
            (1, 8, 8),
            10,
            "embedded: scikit-learn's load_digits",
            rounds=3000,
            batch_size=64,
            embedded=True,
            extractor="digits-v1",
        ),
        DatasetSpec(
            "mnist",
            "70,000 handwritten digits, 28x28 grey",
            "ganbench.data.sets.torchvision_sets:load",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
            files=_idx("MNIST"),
            extractor="mnist-v1",
        ),
        DatasetSpec(
            "fashion_mnist",
            "70,000 pictures of clothes, 28x28 grey",
            "ganbench.data.sets.torchvision_sets:load",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
            files=_idx("FashionMNIST"),
            tuned_as="mnist",
            extractor="inception",
        ),
        DatasetSpec(
            "kmnist",
            "70,000 handwritten Kuzushiji characters, 28x28 grey",
            "ganbench.data.sets.torchvision_sets:load",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
            files=_idx("KMNIST"),
            tuned_as="mnist",
            extractor="inception",
        ),
        DatasetSpec(
            "stacked_mnist",
            "164,000 images of three random MNIST digits as channels: 1,000 modes",
            "ganbench.data.sets.stacked_mnist:load",
            164_000,
            (3, 28, 28),
            1000,
            "drawn on the fly from mnist",
            rounds=5000,
            batch_size=128,
            files=_idx("MNIST"),
        ),
        DatasetSpec(
            "cifar10",
            "60,000 photographs of animals and vehicles, 32x32 colour",
            "ganbench.data.sets.torchvision_sets:load",
            60_000,
            (3, 32, 32),
            10,
            "torchvision's download, or --data-root",
            rounds=10_000,
            batch_size=64,
            files=tuple(
                f"cifar-10-batches-py/{file}"
                for file in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
            ),
            extractor="inception",
        ),
        DatasetSpec(
            "svhn",
            "99,289 digits of house numbers, 32x32 colour",
            "ganbench.data.sets.torchvision_sets:load",
            99_289,
            (3, 32, 32),
            10,
            "torchvision's download, or --data-root",
            rounds=10_000,
            batch_size=64,
            files=("train_32x32.mat", "test_32x32.mat"),
            extractor="inception",
        ),
        DatasetSpec(
            "celeba",
            "202,599 faces of celebrities, 64x64 colour (or 32, 128); 40 attributes",
            "ganbench.data.sets.celeba:load",
            202_599,
            (3, 64, 64),
            0,
            "torchvision's download, or --data-root; streamed",
            rounds=10_000,
            batch_size=64,
            files=("celeba/list_eval_partition.txt", "celeba/img_align_celeba/000001.jpg"),
            options={"size": ("64", "32", "128"), "attribute": ("none",)},
            extractor="inception",
        ),
        DatasetSpec(
            "sprites",
            "9,216 shapes rendered from five known factors, 16, 32 or 64 px, white on black",
            "ganbench.data.sets.sprites:load",
            9216,
            (1, 16, 16),
            3,
            "embedded: rendered by ganbench",
            rounds=4000,
            batch_size=64,
            embedded=True,
            factors=("shape", "scale", "orientation", "x", "y"),
            options={"size": ("16", "32", "64")},
        ),
        DatasetSpec(
            "ring",
            "60,000 points of 8 narrow Gaussians on a circle",
            "ganbench.data.sets.mixtures:load",
            60_000,
            (2,),
            8,
            "embedded: drawn by ganbench",
            rounds=8000,
            batch_size=64,
            embedded=True,
        ),
        DatasetSpec(
            "grid",
            "60,000 points of 25 narrow Gaussians on a square grid",
            "ganbench.data.sets.mixtures:load",
            60_000,
            (2,),
            25,
            "embedded: drawn by ganbench",
            rounds=8000,
            batch_size=64,
            embedded=True,
        ),
        DatasetSpec(
            "dsprites",
            "737,280 shapes of five known factors, 64x64 black and white",
            "ganbench.data.sets.dsprites:load",
            737_280,
            (1, 64, 64),
            3,
            "github.com/google-deepmind/dsprites-dataset, or --data-root; streamed",
            rounds=20_000,
            batch_size=64,
            files=("dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",),
            factors=("shape", "scale", "orientation", "x", "y"),
        ),
        DatasetSpec(
            "shapes3d",
            "480,000 objects in rooms of six known factors, 64x64 colour",
            "ganbench.data.sets.shapes3d:load",
            480_000,
            (3, 64, 64),
            4,
            "github.com/google-deepmind/3d-shapes, or --data-root; streamed; needs h5py",
            rounds=20_000,
            batch_size=64,
            files=("shapes3d/3dshapes.h5",),
            factors=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
        ),
        DatasetSpec(
            "cars3d",
            "17,568 cars of three known factors, 64x64 colour",
            "ganbench.data.sets.cars3d:load",
            17_568,
            (3, 64, 64),
            183,
            "scottreed.info, or --data-root; streamed",
            rounds=20_000,
            batch_size=64,
            files=("cars3d/nips2015-analogy-data.tar.gz",),
            factors=("elevation", "azimuth", "type"),
        ),
        DatasetSpec(
            "folder",
            "folder:PATH: your own image files, resized; sub-folders are classes; streamed",
            "ganbench.data.sets.folder:load",
            0,
            (),
            0,
            "your folder",
            rounds=10_000,
            batch_size=64,
            takes_path=True,
            options={"size": ("64",), "channels": ("auto", "1", "3"), "range": ("full",)},
            extractor="inception",
        ),
        DatasetSpec(
            "npz",
            "npz:PATH: your own arrays `images` (uint8) and, if you like, `labels`",
            "ganbench.data.sets.npz:load",
            0,
            (),
            0,
            "your file",
            rounds=10_000,
            batch_size=64,
            takes_path=True,
            options={"size": ("own",), "range": ("full",)},
            extractor="inception",
        ),
    )
}
