"""Do the heatmaps depend on what was learned? Maps of a network whose weights are drawn anew.

    python -m benchmarks.sanity [--images 6]

The model parameter randomisation test of Adebayo et al. 2018, "Sanity checks for saliency maps",
https://arxiv.org/abs/1810.03292: weights are drawn anew from the top down, and each method's map
is compared with that of the trained network, by Spearman's rank correlation on a grid of 30 x 30
and by the overlap of the hottest tenths (0.1 by chance). A method whose maps stay alike shows the
picture, not the model. On the shipped samples; prints a table in Markdown.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from pneumo import PNEUMONIA
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.faithfulness import compare_maps
from pneumo.explaining.methods import METHODS
from pneumo.inference import prepare
from pneumo.network.architecture import build_classifier, head_of, logit_network
from pneumo.network.classifier import Classifier, Differentiable, Head, Once, load_classifier
from pneumo.network.compiling import forward_of
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph

ROOT = Path(__file__).resolve().parent.parent

DEPTHS = {
    "the head": "avg_pool",
    "from block 13 up": "block12_sepconv3_bn",
    "all layers": "image",
}
"""What is drawn anew: the layers above this one, from the top down."""


def randomise(card, trained, below):
    """Returns a classifier of trained weights up to a layer, and of random ones above it."""
    import keras

    keras.utils.set_random_seed(1234)  # not the seed of the training, whose first head it drew
    model = build_classifier(card.layout)  # random as built
    kept = 1 + [layer.name for layer in trained.layers].index(below)
    for layer, source in zip(model.layers[:kept], trained.layers[:kept], strict=True):
        layer.set_weights(source.get_weights())
    parts = Differentiable(head_of(model), logit_network(model))
    head = Head(*model.get_layer("probability").get_weights())
    return Classifier(forward_of(model), head, card, Once(lambda: parts))


def mean_of(values, shape):
    """Writes a mean; of maps without heat, which compare with nothing, it tells how many are left.

    A random head may find no place at all that speaks for PNEUMONIA.
    """
    left = [value for value in values if not np.isnan(value)]
    if len(left) == len(values):
        return format(np.mean(left), shape)
    return f"{np.mean(left):{shape}} ({len(left)})" if left else "no heat"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=6)
    args = parser.parse_args()

    shipped = load_classifier()
    card = shipped.card
    trained = build_classifier(card.layout)
    trained.load_weights(WEIGHTS_FOLDER / shipped.card.weights_file)
    paths = sorted(ROOT.glob("samples/*/*.jpeg"), reverse=True)[: args.images]
    images = [prepare(shipped, [read_radiograph(path).pixels]) for path in paths]

    def explain(classifier):
        explainer = Explainer(classifier)
        return {m: [explainer.explain(m, image, PNEUMONIA) for image in images] for m in METHODS}

    learned = explain(shipped)
    table = {method: [] for method in METHODS}
    for name, below in DEPTHS.items():
        print(f"drawing anew: {name}", file=sys.stderr, flush=True)
        for method, maps in explain(randomise(shipped.card, trained, below)).items():
            pairs = [compare_maps(*pair) for pair in zip(learned[method], maps, strict=True)]
            correlation = mean_of([pair.rank_correlation for pair in pairs], "+.2f")
            overlap = mean_of([pair.overlap for pair in pairs], ".2f")
            table[method].append(f"{correlation} / {overlap}")
    print(f"{len(images)} samples; rank correlation / overlap of the hottest tenth\n")
    print("| drawn anew: | " + " | ".join(DEPTHS) + " |")
    print("|---" * (len(DEPTHS) + 1) + "|")
    for method, cells in table.items():
        print(f"| {METHODS[method].name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
