"""The ways of explaining an answer: what each is called, who proposed it, how to read its map."""

from dataclasses import dataclass
from importlib.util import find_spec

from pneumo.network.architecture import (
    ENTRY_CONVOLUTION,
    EXIT_CONVOLUTION,
    LAST_CONVOLUTION,
    Layout,
    cells_of,
)

LAYERS = {
    LAST_CONVOLUTION: "last layer",
    EXIT_CONVOLUTION: "block 13",
    ENTRY_CONVOLUTION: "block 4",
}
"""Layers that LayerCAM can look at, all after their ReLU -> what they are called."""

SMOOTH_SAMPLES = 12
"""Noisy copies of which SmoothGrad averages the saliency."""

OCCLUSION_CELLS, OCCLUSION_WINDOW = 8, 2.5
"""Places of the window along each side, and its own side in such cells."""

SCORE_MAPS = 10
"""Feature maps that Score-CAM tries: those that vary most (Faster Score-CAM)."""


@dataclass(frozen=True)
class Method:
    """One way of explaining an answer.

    Attributes:
        name: As in the literature.
        source: Authors, year and address of the paper.
        reading: How to read its map, and what it cannot tell; two sentences.
        percentile: Of the map's values that is drawn hottest; below 100 where single pixels
            stand out so far that nothing else would be seen.
        slow: Takes seconds, not fractions of one.
        gradients: Needs the network's gradients; see `Classifier.load_differentiable`.
    """

    name: str
    source: str
    reading: str
    percentile: float = 100
    slow: bool = False
    gradients: bool = False


ALL_METHODS = {
    "gradcam": Method(
        "Grad-CAM",
        "Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391",
        "Warm places raised the score of the chosen class; those that lowered it stay cold. Warm "
        "says that a place looks ill to the network, not that it is.",
    ),
    "evidence": Method(
        "Evidence map",
        "Zhou et al. 2016, https://arxiv.org/abs/1512.04150",
        "Each cell's exact share of the log odds: all cells together, with a constant, are the "
        "answer. Its unit is the same for all radiographs.",
    ),
    "gradcam++": Method(
        "Grad-CAM++",
        "Chattopadhyay et al. 2018, https://arxiv.org/abs/1710.11063",
        "Like Grad-CAM, with features weighted so that several places of one kind all show. Only "
        "what speaks for the class is counted, so it is broader, and warm even where evidence "
        "against the class outweighs it.",
        gradients=True,
    ),
    "layercam": Method(
        "LayerCAM",
        "Jiang et al. 2021, https://ieeexplore.ieee.org/document/9462463",
        "Weighs every cell by its own gradient, so that earlier layers can be looked at in finer "
        "cells. Those show edges and textures that were useful on the way, not that they decided.",
        gradients=True,
    ),
    "scorecam": Method(
        "Score-CAM",
        "Wang et al. 2020, https://arxiv.org/abs/1910.01279; Faster Score-CAM with "
        f"{SCORE_MAPS} maps, https://github.com/tabayashi0117/Score-CAM",
        "No gradient: a feature weighs as much as the probability that is left when only its "
        "places are shown. Only the ten features that vary most are tried, and a radiograph cut "
        "to patches is unlike any that the network knows.",
        slow=True,
    ),
    "saliency": Method(
        "Saliency",
        "Simonyan et al. 2013, https://arxiv.org/abs/1312.6034",
        "Bright pixels are those where a small change of grey would change the score most, up or "
        "down. It shows what the answer is sensitive to, not what speaks for it, and is grainy.",
        percentile=99.5,
        gradients=True,
    ),
    "smoothgrad": Method(
        "SmoothGrad",
        "Smilkov et al. 2017, https://arxiv.org/abs/1706.03825",
        f"The saliency averaged over {SMOOTH_SAMPLES} noisy copies, which leaves less grain. It "
        "still shows sensitivity and no direction, and that of copies noisier than a radiograph.",
        percentile=99.5,
        slow=True,
        gradients=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901",
        "Warm where blurring a window, a third of the picture wide, takes away most of what "
        "speaks for the class: it tries out what the others infer, and so is a check that owes "
        "nothing to how the network is built. Evidence that stands in two places is missed, since "
        "one remains, and the map is coarse.",
        slow=True,
    ),
}
"""Key -> method, in the order of menus; the first is the default."""


def describe_layer(layer: str, layout: Layout) -> str:
    """Names one of `LAYERS` with the cells of its maps."""
    side = cells_of(layer, layout)
    return f"{LAYERS[layer]}, {side} x {side} cells"


def describe_coarseness(layout: Layout) -> str:
    """Says, in a sentence or two, how much a cell of the last layer has seen."""
    side = cells_of(LAST_CONVOLUTION, layout)
    if layout.tiles > 1:
        return (
            f"The network looks at {layout.tiles} x {layout.tiles} blocks of what it is shown, "
            "each with a little around it. A map of its last layer is no finer than that, although "
            f"it has {side} x {side} cells: those of one block have seen the same."
        )
    return (
        f"Each of the {side} x {side} cells of the network's last layer has seen all that it is "
        "shown: what is warm need not be what made it so."
    )


def available_methods() -> dict[str, Method]:
    """Returns those of `ALL_METHODS` that what is installed can compute, in their order.

    All of them with TensorFlow and tf-keras-vis; without, which is what `deploy/requirements.txt`
    installs, those that take no gradients.
    """
    gradients = all(find_spec(name) for name in ("tensorflow", "tf_keras_vis"))
    return {key: one for key, one in ALL_METHODS.items() if gradients or not one.gradients}


METHODS = available_methods()
"""Key -> method that can be had here, in the order of menus; the first is the default."""
