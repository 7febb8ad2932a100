"""The evidence that metrics read: images, codes, features, each computed once on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import Any, Literal, NamedTuple, TypeVar

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from ganbench.core.latent import Code, Latent, LatentValue
from ganbench.core.seeding import stream
from ganbench.data.dataset import Dataset, Split, Streamed, as_stored, to_unit_range
from ganbench.evaluate import capabilities, extractor_table, extractors, probe, real_features
from ganbench.evaluate.capabilities import RealImages, Unavailable
from ganbench.evaluate.extractors import Extractor, Read
from ganbench.evaluate.networks import BATCH
from ganbench.evaluate.settings import Settings

SPLITS = ("validation", "test")
ImageSet = Literal["train", "held-out", "generated"]
T = TypeVar("T")


def rows_of(n: int, limit: int) -> Tensor:
    """At most `limit` of n rows, a fixed random choice in their written order."""
    rows = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    return rows[:limit].sort().values


def choose(split: Split | Streamed, limit: int) -> Split:
    """At most `limit` images of a split, a fixed random choice in their written order; read."""
    if len(split) <= limit:
        return split if isinstance(split, Split) else split[:]
    return split[rows_of(len(split), limit)]


@contextmanager
def undisturbed(model: Any, seed: int, device: torch.device) -> Iterator[None]:
    """Evaluate without a trace: eval mode, no gradients, global generators restored.

    A model that draws from torch's global generators draws from ones fixed by `seed`. BLAS
    runs on one thread: the matrices are small, and many trials share the machine.
    """
    cuda = [device] if device.type == "cuda" else []
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    blas = threadpool_limits(1, user_api="blas")
    with blas, torch.random.fork_rng(devices=cuda), torch.no_grad():
        torch.default_generator.manual_seed(stream(seed, "global"))
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(stream(seed, "global"))
        try:
            for module in modules:
                module.training = False
            yield
        finally:
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode


def gathered(function: Callable[[Evidence], T]) -> Callable[[Evidence], T]:
    """A family's own evidence: computed by the first metric that asks for it, then kept.

    Attributes of `Evidence` are what several families read; what one family alone reads stands
    in its file, as a function under this decorator. An `Unavailable` is not kept.
    """

    @wraps(function)
    def once(evidence: Evidence) -> T:
        if function not in evidence.kept:
            evidence.kept[function] = function(evidence)
        answer: T = evidence.kept[function]
        return answer

    return once


class Categories(NamedTuple):
    """Categories (n,), int64, of real images, and by which capability they are."""

    train: Tensor
    held_out: Tensor
    by: str


class Evidence:
    """What one model shows of itself on one data set, on the CPU.

    model: anything with capabilities, in eval mode on `device`. split: the held-out real
    images, "validation" or "test". seed: fixes everything that is drawn; each purpose has
    its own stream, drawn on the CPU, so that devices see the same latents.

    Attributes raise Unavailable where the model lacks a capability or the data set an
    extractor. Generated images are rounded to uint8, as a stored picture would be, before
    an extractor, a probe or a classifier sees them; the model's own encode() and
    posterior_log_prob() read its generator's outputs as they are.
    """

    def __init__(
        self,
        model: Any,
        dataset: Dataset,
        settings: Settings,
        seed: int,
        split: str = "test",
        device: torch.device | str = "cpu",
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"held-out images are of split {SPLITS}, not {split!r}")
        self.model = model
        self.dataset = dataset
        self.settings = settings
        self.given_seed = seed
        # A choice on validation must not rest on the very samples that are scored in the end.
        self.seed = seed if split == "test" else stream(seed, split)
        self.split = split
        self.device = torch.device(device)
        self.kept: dict[Callable[[Evidence], Any], Any] = {}

    # Real images.

    @cached_property
    def train(self) -> Split:
        """Real training images: what distances and mappings refer to."""
        return choose(self.dataset.train, self.settings.max_real_images)

    @cached_property
    def held_out(self) -> Split:
        """Real images that the model was not trained on."""
        whole = self.dataset.test if self.split == "test" else self.dataset.validation
        return choose(whole, self.settings.max_real_images)

    # The model's latent and images.

    @cached_property
    def latent(self) -> Latent:
        """The model's latent, which carries codes."""
        return capabilities.latent_with_codes(self.model)

    @property
    def categorical(self) -> tuple[Code, ...]:
        """The categorical codes, at least one."""
        if not self.latent.categorical:
            raise Unavailable("its latent carries no categorical code")
        return self.latent.categorical

    @property
    def continuous(self) -> tuple[Code, ...]:
        """The continuous codes, at least one."""
        if not self.latent.continuous:
            raise Unavailable("its latent carries no continuous code")
        return self.latent.continuous

    @property
    def label_code(self) -> int:
        """The column of the code that is the class label."""
        column = capabilities.latent_of(self.model).label_code
        if column is None:
            raise Unavailable("its latent carries no class label")
        return column

    @cached_property
    def shown(self) -> RealImages | None:
        """The real images that a reference shows in place of generated ones."""
        return capabilities.real_images(self.model)

    def image_facts(self, count: int) -> dict[str, Any]:
        """The facts of a protocol: how many images a number is of, and of which."""
        if self.shown is None:
            return {"generated": count}
        name = "held_out_shown" if self.shown.source == "held-out" else "training_shown"
        return {name: count} | ({"blur": self.shown.blur} if self.shown.blur else {})

    @cached_property
    def _sample(self) -> tuple[Tensor, LatentValue]:
        return self._generate(self.settings.samples, "samples")

    @property
    def generated_raw(self) -> Tensor:
        """The generator's outputs (samples, *shape), float32 in [-1, 1]."""
        return self._sample[0]

    @property
    def generated_latent(self) -> LatentValue:
        """The latents of the generated images."""
        return self._sample[1]

    @cached_property
    def generated(self) -> Tensor:
        """The generated images (samples, *shape), uint8; of a reference, those that it shows."""
        return as_stored(self.generated_raw) if self.shown is None else self.shown.images

    @property
    def generated_labels(self) -> Tensor:
        """The intended class (samples,) of each generated image, int64."""
        if self.shown is not None:
            return self.shown.labels
        return self.generated_latent.codes[:, self.label_code].long()

    # What an extractor sees.

    @cached_property
    def extractor(self) -> Extractor:
        """The extractor that the settings name, or the data set's default; none reads points."""
        if self.dataset.kind == "points":
            raise Unavailable("these are points, and extractors read images")
        return extractors.find(self.settings.extractor, self.dataset.extractor, self.device)

    def seen_by(self, extractor: Extractor, images: ImageSet) -> Read:
        """What an extractor says of an image set; it reads each set once."""
        if images == "train":
            return real_features.read(
                extractor, self.dataset, "train", self.train, self.settings.max_real_images
            )
        if images == "held-out":
            return real_features.read(
                extractor, self.dataset, self.split, self.held_out, self.settings.max_real_images
            )
        if self.shown is not None and self.shown.rows is not None:
            features, logits = self.seen_by(extractor, self.shown.source)
            rows = self.shown.rows
            return Read(features[rows], None if logits is None else logits[rows])
        if extractor.identity not in self._generated_reads:
            self._generated_reads[extractor.identity] = extractor.read(self.generated)
        return self._generated_reads[extractor.identity]

    @cached_property
    def _generated_reads(self) -> dict[str, Read]:
        return {}

    @property
    def generated_features(self) -> Tensor:
        """Features (samples, d) of the generated images."""
        return self.seen_by(self.extractor, "generated").features

    @property
    def generated_logits(self) -> Tensor:
        """The extractor's logits (samples, k) of the generated images."""
        return self._logits("generated")

    @cached_property
    def train_features(self) -> Tensor:
        """Features (n, d) of the real training images."""
        return self.seen_by(self.extractor, "train").features

    @cached_property
    def held_out_features(self) -> Tensor:
        """Features (n, d) of the held-out real images."""
        return self.seen_by(self.extractor, "held-out").features

    @property
    def held_out_logits(self) -> Tensor:
        """The extractor's logits (n, k) of the held-out real images."""
        return self._logits("held-out")

    def _logits(self, images: ImageSet) -> Tensor:
        name = extractor_table.chosen(self.settings.extractor, self.dataset.extractor)
        spec = extractor_table.spec_of(name) if name else None
        if spec and not spec.has_logits:  # before images are read in vain
            raise Unavailable(f"extractor {name} has no logits")
        logits = self.seen_by(self.extractor, images).logits
        if logits is None:
            raise Unavailable(f"extractor {self.extractor.name} has no logits")
        return logits

    def need_classes(self) -> None:
        """Raise Unavailable where the extractor's logits are not the data set's classes.

        Known before it is loaded, so that nothing is fetched or read in vain.
        """
        name = extractor_table.chosen(self.settings.extractor, self.dataset.extractor)
        if name and not extractor_table.knows_classes(name, self.dataset.name):
            raise self._unknown_classes(name)

    def classes_of(self, logits: Tensor) -> Tensor:
        """The data set's classes (n,) in an extractor's logits, where these stand for them."""
        self.need_classes()
        if logits.shape[1] != self.dataset.classes:
            raise self._unknown_classes(self.extractor.name)
        return logits.argmax(1)

    def _unknown_classes(self, extractor: str) -> Unavailable:
        data = self.dataset
        return Unavailable(
            f"extractor {extractor} does not know the {data.classes} classes of {data.name}"
        )

    # What the model says of images.

    @cached_property
    def train_codes(self) -> Tensor:
        """encode() of the real training images, (n, codes)."""
        return self._encode(to_unit_range(self.train.images))

    @cached_property
    def held_out_codes(self) -> Tensor:
        """encode() of the held-out real images, (n, codes)."""
        return self._encode(to_unit_range(self.held_out.images))

    @cached_property
    def generated_codes(self) -> Tensor:
        """encode() of the generated images, (samples, codes)."""
        return self._encode(self.generated_raw)

    @cached_property
    def categories(self) -> Categories:
        """The categories of real images: by cluster() where the model has it, else encode()."""
        try:
            fitted, found = (self._cluster(part.images) for part in (self.train, self.held_out))
            return Categories(fitted, found, "cluster()")
        except Unavailable:
            _ = self.categorical  # raises Unavailable, with its own reason, where there is none
        fitted, found = (codes[:, 0].long() for codes in (self.train_codes, self.held_out_codes))
        return Categories(fitted, found, "the first categorical code by encode()")

    @cached_property
    def log_posteriors(self) -> Tensor:
        """log Q(c|x) in nats, (samples, codes), of the codes of the generated images."""
        images, latent = self._sample
        return self._batched(
            lambda rows: capabilities.posterior_log_prob(
                self.model, images[rows].to(self.device), latent[rows].to(self.device)
            ),
            len(images),
        )

    @cached_property
    def held_out_class_logits(self) -> Tensor:
        """classify() of the held-out real images, (n, classes)."""
        images = to_unit_range(self.held_out.images)
        return self._batched(
            lambda rows: capabilities.classify(
                self.model, images[rows].to(self.device), self.dataset.classes
            ),
            len(images),
        )

    # What an independent probe reads.

    @cached_property
    def _probe_train(self) -> tuple[Tensor, Tensor]:
        images, latent = self._generate(self.settings.probe_pairs, "probe training")
        return as_stored(images), latent.codes

    @cached_property
    def _probe_test(self) -> tuple[Tensor, Tensor]:
        images, latent = self._generate(self.settings.probe_test_pairs, "probe test")
        return as_stored(images), latent.codes

    @property
    def probe_codes(self) -> Tensor:
        """The codes (pairs, codes) of the images that probes are tested on."""
        return self._probe_test[1]

    @cached_property
    def probe_read_noisy(self) -> Tensor:
        """What a probe trained on noisy images reads off noisy ones, (pairs, codes)."""
        return self._probe(self.settings.noise, "probe noisy")

    @cached_property
    def probe_read_clean(self) -> Tensor:
        """What a probe trained on clean images reads off clean ones, (pairs, codes)."""
        return self._probe(0.0, "probe clean")

    def _probe(self, noise: float, purpose: str) -> Tensor:
        return probe.read_codes(
            self._probe_train,
            self._probe_test[0],
            self.latent.codes,
            noise=noise,
            steps=self.settings.probe_steps,
            seed=stream(self.seed, purpose),
        )

    def _generate(self, n: int, purpose: str) -> tuple[Tensor, LatentValue]:
        rng = torch.Generator().manual_seed(stream(self.seed, purpose))
        latent = capabilities.latent_of(self.model).draw(n, rng)
        images = self._batched(
            lambda rows: capabilities.generate(
                self.model, latent[rows].to(self.device), self.dataset.shape
            ),
            n,
        )
        return images, latent

    def _encode(self, images: Tensor) -> Tensor:
        return self._batched(
            lambda rows: capabilities.encode(self.model, images[rows].to(self.device)), len(images)
        )

    def _cluster(self, images: Tensor) -> Tensor:
        real = to_unit_range(images)
        return self._batched(
            lambda rows: capabilities.cluster(self.model, real[rows].to(self.device)), len(real)
        ).long()

    def _batched(self, call: Callable[[slice], Tensor], n: int) -> Tensor:
        parts = [call(slice(start, start + BATCH)) for start in range(0, n, BATCH)]
        return torch.cat([part.float().cpu() for part in parts])
