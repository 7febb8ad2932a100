"""Every variant that comes with ganbench sits the exam, through the door that others use."""

from collections.abc import Callable

from ganbench.plugins import registry
from ganbench.plugins.exam import parametrize_with_checks

OURS = [
    entry.name
    for entry in registry.installed().values()
    if entry.target.startswith("ganbench.variants.")
]
FORMS = [
    "infogan:information=joint",
    "infogan:information=separate",
    "infogan:information=q_only",
    "catgan:label_weight=0",
    "vanilla:feature_matching=true,instance_noise=0.5/0.1",
    "vanilla:minibatch_discrimination=20",
    "vanilla:backbone=dcgan,dense=16,virtual_batch_norm=both",
    "vanilla:backbone=resnet",
]


@parametrize_with_checks(OURS + FORMS)
def test_conforms(check: Callable[[], None]) -> None:
    check()
