"""What is known of every data set before it is loaded. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A data set's entry, with the budget that a study trains for unless told otherwise.

    name: also what `recipes` of hyperparameters are keyed by, unless it is `tuned_as` another.
    size: images in all splits, 0 where that depends on the user's files. shape: (c, h, w) or
    (2,), () where it depends.
    factors: names of the ground-truth factors. rounds of batch_size images: the budget.
    embedded: needs no file. files: glob patterns below the data root that show it is there.
    module: the module of `ganbench.data` whose `load(spec, root)` makes it. options: the
    values an option may take, the default first; a single one means any text may be given.
    """

    name: str
    summary: str
    size: int
    shape: tuple[int, ...]
    classes: int
    origin: str
    rounds: int
    batch_size: int
    module: str
    embedded: bool = False
    files: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    takes_path: bool = False
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tuned_as: str = ""

    @property
    def recipe(self) -> str:
        """The data set whose `recipes` of hyperparameters are used."""
        return self.tuned_as or self.name


def _idx(folder: str) -> tuple[str, ...]:
    """The files of a set in MNIST's format, unpacked or not."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(f"{folder}/raw/{name}-ubyte*" for name in names)


SOURCES = {
    source.name: source
    for source in (
        Source(
            "digits",
            "1,797 handwritten digits, 8x8 grey",
            1797,
            (1, 8, 8),
            10,
            "embedded: scikit-learn's load_digits",
            rounds=3000,
            batch_size=64,
            module="digits",
            embedded=True,
        ),
        Source(
            "mnist",
            "70,000 handwritten digits, 28x28 grey",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
            module="downloads",
            files=_idx("MNIST"),
        ),
        Source(
            "fashion_mnist",
            "70,000 pictures of clothes, 28x28 grey",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
            module="downloads",
            files=_idx("FashionMNIST"),
            tuned_as="mnist",
        ),
        Source(
            "kmnist",
            "70,000 handwritten Kuzushiji characters, 28x28 grey",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
            module="downloads",
            files=_idx("KMNIST"),
            tuned_as="mnist",
        ),
        Source(
            "stacked_mnist",
            "164,000 images of three random MNIST digits as channels: 1,000 modes",
            164_000,
            (3, 28, 28),
            1000,
            "drawn on the fly from mnist",
            rounds=5000,
            batch_size=128,
            module="stacked",
            files=_idx("MNIST"),
        ),
        Source(
            "cifar10",
            "60,000 photographs of animals and vehicles, 32x32 colour",
            60_000,
            (3, 32, 32),
            10,
            "torchvision's download, or --data-root",
            rounds=10_000,
            batch_size=64,
            module="downloads",
            files=tuple(
                f"cifar-10-batches-py/{file}"
                for file in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
            ),
        ),
        Source(
            "svhn",
            "99,289 digits of house numbers, 32x32 colour",
            99_289,
            (3, 32, 32),
            10,
            "torchvision's download, or --data-root",
            rounds=10_000,
            batch_size=64,
            module="downloads",
            files=("train_32x32.mat", "test_32x32.mat"),
        ),
        Source(
            "celeba",
            "202,599 faces of celebrities, 64x64 colour (or 32, 128); 40 attributes",
            202_599,
            (3, 64, 64),
            0,
            "torchvision's download, or --data-root; streamed",
            rounds=10_000,
            batch_size=64,
            module="celeba",
            files=("celeba/list_eval_partition.txt", "celeba/img_align_celeba/000001.jpg"),
            options={"size": ("64", "32", "128"), "attribute": ("none",)},
        ),
        Source(
            "sprites",
            "9,216 shapes rendered from five known factors, 16, 32 or 64 px, white on black",
            9216,
            (1, 16, 16),
            3,
            "embedded: rendered by ganbench",
            rounds=4000,
            batch_size=64,
            module="sprites",
            embedded=True,
            factors=("shape", "scale", "orientation", "x", "y"),
            options={"size": ("16", "32", "64")},
        ),
        Source(
            "ring",
            "60,000 points of 8 narrow Gaussians on a circle",
            60_000,
            (2,),
            8,
            "embedded: drawn by ganbench",
            rounds=8000,
            batch_size=64,
            module="mixtures",
            embedded=True,
        ),
        Source(
            "grid",
            "60,000 points of 25 narrow Gaussians on a square grid",
            60_000,
            (2,),
            25,
            "embedded: drawn by ganbench",
            rounds=8000,
            batch_size=64,
            module="mixtures",
            embedded=True,
        ),
        Source(
            "dsprites",
            "737,280 shapes of five known factors, 64x64 black and white",
            737_280,
            (1, 64, 64),
            3,
            "github.com/google-deepmind/dsprites-dataset, or --data-root; streamed",
            rounds=20_000,
            batch_size=64,
            module="dsprites",
            files=("dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",),
            factors=("shape", "scale", "orientation", "x", "y"),
        ),
        Source(
            "shapes3d",
            "480,000 objects in rooms of six known factors, 64x64 colour",
            480_000,
            (3, 64, 64),
            4,
            "github.com/google-deepmind/3d-shapes, or --data-root; streamed; needs h5py",
            rounds=20_000,
            batch_size=64,
            module="shapes3d",
            files=("shapes3d/3dshapes.h5",),
            factors=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
        ),
        Source(
            "cars3d",
            "17,568 cars of three known factors, 64x64 colour",
            17_568,
            (3, 64, 64),
            183,
            "scottreed.info, or --data-root; streamed",
            rounds=20_000,
            batch_size=64,
            module="cars3d",
            files=("cars3d/nips2015-analogy-data.tar.gz",),
            factors=("elevation", "azimuth", "type"),
        ),
        Source(
            "folder",
            "folder:PATH: your own image files, resized; sub-folders are classes; streamed",
            0,
            (),
            0,
            "your folder",
            rounds=10_000,
            batch_size=64,
            module="folder",
            takes_path=True,
            options={"size": ("64",), "channels": ("auto", "1", "3"), "range": ("full",)},
        ),
        Source(
            "npz",
            "npz:PATH: your own arrays `images` (uint8) and, if you like, `labels`",
            0,
            (),
            0,
            "your file",
            rounds=10_000,
            batch_size=64,
            module="npz",
            takes_path=True,
            options={"size": ("own",), "range": ("full",)},
        ),
    )
}
