"""How long one radiograph takes, against the bare network and against the usual way.

    make bench

Four things are timed in turn, round by round, so that a change of the machine's speed meets all
of them; the ratios are medians over the rounds:

    forward   the compiled network on an input that is ready
    finder    a decoded radiograph -> lungs, lung field, what the network is shown
    pneumo    a decoded radiograph -> probability, Grad-CAM, heatmap at the radiograph's own size
    usual     the same with `model.predict` and tf-keras-vis on the whole network
"""

import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

from pneumo import PNEUMONIA
from pneumo.explaining.overlay import stretch_heatmap
from pneumo.explaining.scaling import normalize_heatmap
from pneumo.inference import load_engine, predict, prepare, prepare_input
from pneumo.network.architecture import LAST_CONVOLUTION, build_classifier
from pneumo.network.preprocess import to_model_input
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.reading.radiograph import read_radiograph

ROOT = Path(__file__).resolve().parents[1]

ROUNDS = 15


def main() -> None:
    """Prints the medians and both ratios."""
    engine = load_engine()
    classifier = engine.classifier
    model = build_classifier(classifier.card.image_size)
    model.load_weights(WEIGHTS_FOLDER / classifier.card.weights_file)
    gradcam = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)
    radiograph = read_radiograph(sorted(ROOT.glob("samples/PNEUMONIA/*.jpeg"))[1])
    ready = prepare(classifier, [radiograph.pixels])

    def forward():
        return classifier.forward(ready)

    def finder():
        return classifier.prepare([radiograph.pixels])

    def pneumo():
        (reading,) = predict(engine, [prepare_input(classifier, radiograph)])
        scaled = normalize_heatmap(reading.cams[PNEUMONIA])
        heatmap = stretch_heatmap(scaled, radiograph.pixels.shape, reading.input.field)
        return reading.probability, heatmap

    def usual():
        (seen,) = classifier.prepare([radiograph.pixels])
        batch = to_model_input(seen.grid[np.newaxis])
        probability = model.predict(batch, verbose=0)[0, PNEUMONIA]
        cam = gradcam(
            CategoricalScore([PNEUMONIA]),
            batch,
            penultimate_layer=LAST_CONVOLUTION,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        scaled = normalize_heatmap(np.asarray(cam))[0]
        heatmap = stretch_heatmap(scaled, radiograph.pixels.shape, seen.field)
        return probability, heatmap

    for ours, theirs in zip(pneumo(), usual(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    seconds: dict[str, list[float]] = {
        name: [] for name in ("forward", "finder", "pneumo", "usual")
    }
    for _ in range(ROUNDS):
        for run in (forward, finder, pneumo, usual):
            run()  # once more in the state that the others left
            start = time.perf_counter()
            run()
            seconds[run.__name__].append(time.perf_counter() - start)

    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for name, values in seconds.items():
        print(f"{name:8} {1000 * statistics.median(values):7.1f} ms")
    for over, under in (("finder", "forward"), ("pneumo", "forward"), ("usual", "pneumo")):
        ratios = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
        low, high = np.percentile(ratios, [10, 90])
        print(
            f"{over} / {under}: {statistics.median(ratios):.2f} "
            f"(10th to 90th percentile {low:.2f} to {high:.2f}, {ROUNDS} rounds)"
        )


if __name__ == "__main__":
    main()
