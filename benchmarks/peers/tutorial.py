"""Training loops as published tutorials write them: separate passes, `.detach()`, default Adam.

Losses are ganbench's, so that a round of either side computes the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2 as transforms
from torchvision.transforms.functional import to_pil_image

from benchmarks.peers.cases import Case, images
from benchmarks.peers.networks import Heads

Latent = tuple[Tensor, Tensor, Tensor]
"""What the generator reads, its categories (n,) and its continuous codes (n, 2)."""
Answer = tuple[Tensor, Tensor | None, Tensor | None]


class Pictures(Dataset):
    """Images as files would give them: PIL, one by one, through transforms."""

    def __init__(self, case: Case) -> None:
        split = images(case)
        self.pictures = [to_pil_image(image) for image in split.images]
        self.labels = split.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.Resize(case.shape[1]),
                transforms.ToImage(),
                transforms.ToDtype(torch.float32, scale=True),
                transforms.Normalize([0.5], [0.5]),
            ]
        )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.transform(self.pictures[row]), self.labels[row]


class Tutorial:
    """One case's networks and their loop; loader: images come through a DataLoader."""

    def __init__(self, case: Case, loader: bool = False) -> None:
        torch.manual_seed(0)
        self.case = case
        self.codes = {"acgan": (10, 0), "sgan": (0, 0)}.get(case.variant, (10, 2))
        self.g, trunk, features = case.make(case.noise_size + sum(self.codes), case.shape)
        outputs = 11 if case.variant == "sgan" else 1
        classes = 10 if case.variant == "acgan" else 0
        read = self._read() if case.variant == "infogan" else 0
        self.d = Heads(trunk, features, outputs, classes, (case.q_width, read))
        g, q = [*self.g.parameters()], [*self.d.q.parameters()] if self.d.q else []
        mine = {id(p) for p in q}
        d = [p for p in self.d.parameters() if id(p) not in mine]
        if case.information == "generator":
            g += q
        if case.information == "joint":
            d += q
        self.d_step = torch.optim.Adam(d, case.rates[0], betas=(0.5, 0.999))
        self.g_step = torch.optim.Adam(g, case.rates[1], betas=(0.5, 0.999))
        if case.information == "separate":
            both = itertools.chain(self.g.parameters(), trunk.parameters(), q)
            self.i_step = torch.optim.Adam(both, case.rates[1], betas=(0.5, 0.999))
        self.batches: Iterator[tuple[Tensor, Tensor]] | None = None
        if loader:
            made = DataLoader(Pictures(case), case.batch, shuffle=True, drop_last=True)
            self.batches = itertools.chain.from_iterable(itertools.repeat(made))
        else:
            split = images(case)
            self.images, self.labels = split.images.float() / 127.5 - 1, split.labels

    def _read(self) -> int:
        """Outputs of Q: logits and means, and log sigmas where they are learnt."""
        return 12 if self.case.information in ("separate", "joint") else 14

    def networks(self) -> list[nn.Module]:
        """All of them."""
        return [self.g, self.d]

    def real(self) -> tuple[Tensor, Tensor]:
        """The next images and labels."""
        if self.batches is not None:
            return next(self.batches)
        rows = torch.randint(len(self.images), (self.case.batch,))
        return self.images[rows], self.labels[rows]

    def draw(self) -> Latent:
        """A latent."""
        n, (classes, continuous) = self.case.batch, self.codes
        parts = [torch.randn(n, self.case.noise_size)]
        if self.case.dataset == "mnist":
            parts = [torch.rand(n, self.case.noise_size) * 2 - 1]
        labels, codes = torch.randint(0, 10, (n,)), torch.rand(n, continuous) * 2 - 1
        if classes:
            parts.append(F.one_hot(labels, classes).float())
        return torch.cat([*parts, codes], 1), labels, codes

    def judge(self, pictures: Tensor) -> Answer:
        """The discriminator's answer, through the instance noise."""
        if self.case.noise:
            pictures = pictures + self.case.noise * torch.randn_like(pictures)
        return self.d(pictures)

    def score(self, answer: Answer) -> Tensor:
        """The logit of "real"."""
        if self.case.variant == "sgan":
            return answer[0][:, :-1].logsumexp(1, keepdim=True) - answer[0][:, -1:]
        return answer[0]

    def information(self, answer: Answer, latent: Latent) -> Tensor:
        """-log Q of the codes: cross-entropy, and a Gaussian's."""
        outputs, (_, labels, codes) = answer[2], latent
        assert outputs is not None
        wrong = F.cross_entropy(outputs[:, :10], labels)
        if outputs.shape[1] == 12:  # sigma 1
            squares = 0.5 * (outputs[:, 10:] - codes).square()
        else:
            mean, log_sigma = outputs[:, 10:12], outputs[:, 12:].clamp(-4, 2)
            squares = 0.5 * ((codes - mean) * torch.exp(-log_sigma)).square() + log_sigma
        return wrong + self.case.continuous_weight * squares.sum(1).mean()

    def d_loss(self, real: Answer, labels: Tensor, fake: Answer, latent: Latent) -> Tensor:
        """What the discriminator lowers."""
        n, bce = self.case.batch, F.binary_cross_entropy_with_logits
        loss = bce(self.score(real), torch.ones(n, 1)) + bce(self.score(fake), torch.zeros(n, 1))
        if self.case.variant == "acgan":
            assert real[1] is not None
            assert fake[1] is not None
            loss = loss + F.cross_entropy(real[1], labels) + F.cross_entropy(fake[1], latent[1])
        if self.case.variant == "sgan":
            loss = loss + F.cross_entropy(real[0], labels)
        if self.case.information == "joint":
            loss = loss + self.information(fake, latent)
        return loss

    def g_loss(self, fake: Answer, latent: Latent) -> Tensor:
        """What the generator lowers."""
        valid = torch.ones(self.case.batch, 1)
        loss = F.binary_cross_entropy_with_logits(self.score(fake), valid)
        if self.case.variant == "acgan":
            assert fake[1] is not None
            loss = loss + F.cross_entropy(fake[1], latent[1])
        if self.case.information in ("joint", "generator"):
            loss = loss + self.information(fake, latent)
        return loss

    def play(self, rounds: int) -> None:
        """So many rounds."""
        for _ in range(rounds):
            self.play_round()

    def play_round(self) -> None:
        """The discriminator's update, the generator's, and InfoGAN's own where it has one."""
        real, labels = self.real()

        self.d_step.zero_grad()
        latent = self.draw()
        fake = self.g(latent[0])
        self.d_loss(self.judge(real), labels, self.judge(fake.detach()), latent).backward()
        self.d_step.step()

        self.g_step.zero_grad()
        if self.case.fresh:
            latent = self.draw()
            fake = self.g(latent[0])
        self.g_loss(self.judge(fake), latent).backward()
        self.g_step.step()

        if self.case.information == "separate":
            self.i_step.zero_grad()
            latent = self.draw()
            self.information(self.judge(self.g(latent[0])), latent).backward()
            self.i_step.step()
