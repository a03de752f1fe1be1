"""How long one radiograph takes, against the bare network and against the usual way.

    make bench

Three things are timed in turn, round by round, so that a change of the machine's speed meets all
of them; the ratios are medians over the rounds:

    forward   the compiled network on an input that is ready
    pneumo    a decoded radiograph -> probability, Grad-CAM, heatmap at the radiograph's own size
    usual     the same with `model.predict` and tf-keras-vis on the whole network
"""

import os
import platform
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from tf_keras_vis.gradcam import Gradcam  # noqa: E402
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear  # noqa: E402
from tf_keras_vis.utils.scores import CategoricalScore  # noqa: E402

from pneumo import PNEUMONIA  # noqa: E402
from pneumo.explain import Explainer, normalize_heatmap  # noqa: E402
from pneumo.inference import look_at, score  # noqa: E402
from pneumo.model import (  # noqa: E402
    LAST_CONVOLUTION,
    WEIGHTS_FOLDER,
    build_classifier,
    load_classifier,
)
from pneumo.overlay import stretch_heatmap  # noqa: E402
from pneumo.preprocess import resize_to_grid, to_model_input  # noqa: E402
from pneumo.radiograph import read_radiograph  # noqa: E402

ROUNDS = 15


def main() -> None:
    """Prints the medians and both ratios."""
    classifier = load_classifier()
    explainer = Explainer(classifier)
    model = build_classifier(classifier.card.image_size)
    model.load_weights(WEIGHTS_FOLDER / classifier.card.weights_file)
    gradcam = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)
    radiograph = read_radiograph(sorted(ROOT.glob("samples/PNEUMONIA/*.jpeg"))[1])
    grid = resize_to_grid(radiograph.pixels, classifier.card.image_size)
    ready = to_model_input(grid[np.newaxis])

    def forward():
        return classifier.forward(ready)

    def pneumo():
        probability, _, maps = score(classifier, look_at(classifier, radiograph))
        cam = explainer.gradcam(maps, np.array([PNEUMONIA]))
        heatmap = stretch_heatmap(normalize_heatmap(cam)[0], radiograph.pixels.shape)
        return probability, heatmap

    def usual():
        grid = resize_to_grid(radiograph.pixels, classifier.card.image_size)
        batch = to_model_input(grid[np.newaxis])
        probability = model.predict(batch, verbose=0)[0, PNEUMONIA]
        cam = gradcam(
            CategoricalScore([PNEUMONIA]),
            batch,
            penultimate_layer=LAST_CONVOLUTION,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        heatmap = stretch_heatmap(normalize_heatmap(np.asarray(cam))[0], radiograph.pixels.shape)
        return probability, heatmap

    for ours, theirs in zip(pneumo(), usual(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    seconds: dict[str, list[float]] = {"forward": [], "pneumo": [], "usual": []}
    for _ in range(ROUNDS):
        for run in (forward, pneumo, usual):
            run()  # once more in the state that the others left
            start = time.perf_counter()
            run()
            seconds[run.__name__].append(time.perf_counter() - start)

    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for name, values in seconds.items():
        print(f"{name:8} {1000 * statistics.median(values):7.1f} ms")
    for over, under in (("pneumo", "forward"), ("usual", "pneumo")):
        ratios = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
        low, high = np.percentile(ratios, [10, 90])
        print(
            f"{over} / {under}: {statistics.median(ratios):.2f} "
            f"(10th to 90th percentile {low:.2f} to {high:.2f}, {ROUNDS} rounds)"
        )


if __name__ == "__main__":
    main()
