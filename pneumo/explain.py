"""Radiograph -> heatmap, by the methods of tf-keras-vis and by occlusion.

The only module that imports tf-keras-vis.

Methods of the last layer run on the head model (feature maps -> pooling -> Dense), from the
feature maps of the very pass that gave the probability: the maps equal those of tf-keras-vis on
the whole network, at a hundredth of the cost. The others look inside the network and take one
pass there and back, or several.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pneumo.model import LAST_CONVOLUTION, Classifier
from pneumo.turns import take_turn

LAYERS = {
    LAST_CONVOLUTION: "last layer, 10 x 10 cells",
    "block13_sepconv2_act": "block 13, 19 x 19 cells",
    "block4_sepconv2_act": "block 4, 37 x 37 cells",
}
"""Layers that LayerCAM can look at, all after their ReLU; cells for an input of 299 pixels."""

SMOOTH_SAMPLES = 12
OCCLUSION_CELLS, OCCLUSION_WINDOW = 8, 2.5
"""Places of the window along each side, and its own side in such cells."""
SCORE_MAPS = 10
"""Feature maps that Score-CAM tries: those that vary most (Faster Score-CAM)."""


# The search for a convolution is switched off and the layer named: on Keras 3 the search takes a
# wrong layer of the same size without a word. Resizing and scaling are the overlay's.
_RAW = {"seek_penultimate_conv_layer": False, "expand_cam": False, "normalize_cam": False}


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
    """

    name: str
    source: str
    reading: str
    percentile: float = 100
    slow: bool = False


METHODS = {
    "gradcam": Method(
        "Grad-CAM",
        "Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391",
        "Warm cells raised the score of the chosen class, those that lowered it stay cold. It "
        "shows what reached the last layer, not where the disease is: a cell a tenth of the "
        "picture wide sees far beyond itself, so erasing the warm place may change little.",
    ),
    "gradcam++": Method(
        "Grad-CAM++",
        "Chattopadhyay et al. 2018, https://arxiv.org/abs/1710.11063",
        "Like Grad-CAM, with features weighted so that several places of one kind all show. Only "
        "what speaks for the class is counted, so it is broader, and warm even where evidence "
        "against the class outweighs it.",
    ),
    "layercam": Method(
        "LayerCAM",
        "Jiang et al. 2021, https://ieeexplore.ieee.org/document/9462463",
        "Weighs every cell by its own gradient, so that earlier layers can be looked at in finer "
        "cells. Those show edges and textures that were useful on the way, not that they decided.",
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
    ),
    "smoothgrad": Method(
        "SmoothGrad",
        "Smilkov et al. 2017, https://arxiv.org/abs/1706.03825",
        f"The saliency of {SMOOTH_SAMPLES} noisy copies on average, which leaves less grain. It "
        "still shows sensitivity and no direction, and of copies that are noisier than a "
        "radiograph.",
        percentile=99.5,
        slow=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901",
        "Warm where blurring a window, a third of the picture wide, takes away most of what "
        "speaks for the class: it tries out what the others infer. Evidence that stands in two "
        "places is missed, since one remains, and the map is coarse.",
        slow=True,
    ),
}
"""Key -> method, in the order of menus; the first is the default."""


class Explainer:
    """Explanations for one classifier. Safe to share between threads."""

    def __init__(self, classifier: Classifier) -> None:
        """Prepares the methods; copies the head, shares the rest."""
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
        from tf_keras_vis.layercam import Layercam
        from tf_keras_vis.utils.model_modifiers import ReplaceToLinear

        self._classifier = classifier
        linear = {"model_modifier": ReplaceToLinear(), "clone": True}
        self._last = {
            "gradcam": Gradcam(classifier.head, **linear),
            "gradcam++": GradcamPlusPlus(classifier.head, **linear),
            "layercam": Layercam(classifier.head, **linear),
        }

    def gradcam(self, maps: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Computes Grad-CAM of several radiographs; see `cam`."""
        return self.cam("gradcam", maps, classes)

    def cam(self, method: str, maps: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Computes a class activation map of the last layer, before any resize.

        Args:
            method: `gradcam`, `gradcam++` or `layercam`.
            maps: `(n, h, w, channels)` float32 feature maps.
            classes: `(n,)` class index to explain for each.

        Returns:
            `(n, h, w)` float32, at least 0. Of Grad-CAM in units of the logit: for this network
            the mean over all cells, before the ReLU, is the logit less the bias.
        """
        from tf_keras_vis.utils.scores import CategoricalScore

        # In turn also because tf-keras-vis builds a Keras model at every call.
        cams = take_turn(
            lambda: self._last[method](
                CategoricalScore([int(index) for index in classes]),
                maps,
                penultimate_layer=self._classifier.head.inputs[0].name,
                **_RAW,
            )
        )
        return np.asarray(cams, np.float32)

    def explain(
        self,
        method: str,
        image: np.ndarray,
        label: int,
        layer: str = LAST_CONVOLUTION,
        progress: Callable[[float], None] = lambda share: None,
        maps: np.ndarray | None = None,
    ) -> np.ndarray:
        """Explains one radiograph by any of `METHODS`.

        Args:
            method: A key of `METHODS`.
            image: `(1, size, size, 3)` float32 model input.
            label: Class index to explain.
            layer: One of `LAYERS`; LayerCAM looks at it, the others have no choice.
            progress: Called with the share that is done by the slow methods; what it raises
                ends the computation.
            maps: The feature maps of this image, where they are at hand.

        Returns:
            `(h, w)` float32, at least 0: the cells of the layer, or the pixels of the input.

        Raises:
            KeyError: There is no such method or layer.
        """
        if layer not in LAYERS:
            raise KeyError(f"No explanation looks at layer {layer!r}; choose of {list(LAYERS)}.")
        if method in self._last and (layer == LAST_CONVOLUTION or method != "layercam"):
            if maps is None:
                maps = self._classifier.forward(image)[0]
            return self.cam(method, maps, np.array([label]))[0]
        inside = {
            "layercam": lambda: self._layercam(image, label, layer),
            "scorecam": lambda: self._scorecam(image, label, progress),
            "saliency": lambda: self._gradient(image, label).max(axis=-1),
            "smoothgrad": lambda: self._smoothgrad(image, label, progress),
            "occlusion": lambda: self._occlusion(image, label, progress),
        }
        return np.asarray(inside[method](), np.float32)

    def _layercam(self, image: np.ndarray, label: int, layer: str) -> np.ndarray:
        from tf_keras_vis.layercam import Layercam
        from tf_keras_vis.utils.scores import CategoricalScore

        layercam = Layercam(self._classifier.network)
        options = {"penultimate_layer": layer, **_RAW}
        return take_turn(lambda: layercam(CategoricalScore(label), image, **options)[0])

    def _scorecam(self, image: np.ndarray, label: int, progress) -> np.ndarray:
        import tensorflow as tf
        from tf_keras_vis.scorecam import Scorecam
        from tf_keras_vis.utils.scores import CategoricalScore

        def predict(pictures: list[np.ndarray], batch_size: int) -> np.ndarray:
            """Answers from the compiled network, several times as fast, and can be watched."""
            answers = []
            for done, picture in enumerate(pictures[0]):
                progress(done / len(pictures[0]))
                answers.append(self._classifier.forward(picture[np.newaxis])[1][0])
            # tf-keras-vis applies a softmax, which turns logarithms back into probabilities.
            return np.log(np.maximum(answers, np.finfo(np.float32).tiny))

        network = self._classifier.network
        own = tf.keras.Model(network.inputs, network.outputs)  # layers shared
        own.predict = predict
        return Scorecam(own)(
            CategoricalScore(label),
            image,
            penultimate_layer=LAST_CONVOLUTION,
            max_N=SCORE_MAPS,
            **_RAW,
        )[0]

    def _gradient(self, image: np.ndarray, label: int) -> np.ndarray:
        """Returns `(size, size, 3)`: how much the logit changes with each value of the input."""
        from tf_keras_vis.saliency import Saliency
        from tf_keras_vis.utils.scores import CategoricalScore

        saliency = Saliency(self._classifier.network)
        options = {"keepdims": True, "normalize_map": False}
        return np.asarray(take_turn(lambda: saliency(CategoricalScore(label), image, **options)[0]))

    def _smoothgrad(self, image: np.ndarray, label: int, progress) -> np.ndarray:
        """Averages as tf-keras-vis does, copy by copy so that it can be watched and stopped."""
        random = np.random.RandomState(0)  # the generator that tf-keras-vis draws from
        sigma = 0.2 * (image.max() - image.min())
        total = np.zeros(image.shape[1:], np.float32)
        for done in range(SMOOTH_SAMPLES):
            progress(done / SMOOTH_SAMPLES)
            noisy = image + random.normal(0, sigma, image.shape).astype(np.float32)
            total += self._gradient(noisy, label)
        return (total / SMOOTH_SAMPLES).max(axis=-1)

    def _occlusion(self, image: np.ndarray, label: int, progress) -> np.ndarray:
        """Blurs a window at each place of a grid; the loss of log odds is the heat there."""
        from scipy.ndimage import gaussian_filter

        size = image.shape[1]
        blurred = gaussian_filter(image[0], (size / 15, size / 15, 0))
        before = _log_odds(self._classifier.forward(image)[1], label)[0]
        centres = (np.arange(OCCLUSION_CELLS) + 0.5) * size / OCCLUSION_CELLS
        half = OCCLUSION_WINDOW / 2 * size / OCCLUSION_CELLS
        spans = [slice(max(0, round(c - half)), round(c + half)) for c in centres]
        heat = np.zeros((OCCLUSION_CELLS, OCCLUSION_CELLS))
        for row, rows in enumerate(spans):
            progress(row / len(spans))
            hidden = np.repeat(image, len(spans), axis=0)
            for picture, columns in zip(hidden, spans, strict=True):
                picture[rows, columns] = blurred[rows, columns]
            heat[row] = before - _log_odds(self._classifier.forward(hidden)[1], label)
        return np.maximum(heat, 0)


def _log_odds(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Returns `(n,)` float64 log odds of a class; unlike P they do not end at 1."""
    logs = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny).astype(np.float64))
    return logs[:, label] - logs[:, 1 - label]


def normalize_heatmap(cam: np.ndarray, percentile: float = 100) -> np.ndarray:
    """Scales each map by its own maximum, or by a percentile of its values.

    The minimum is not moved: 0 keeps meaning "no evidence for this class", and a map without
    any stays empty.

    Args:
        cam: `(..., h, w)`, at least 0.
        percentile: Of the values, that becomes 1; what lies above is cut off.

    Returns:
        Same shape, float32, in [0, 1].
    """
    peak = np.percentile(cam, percentile, axis=(-2, -1), keepdims=True)
    return np.where(peak > 0, np.minimum(cam / np.where(peak > 0, peak, 1), 1), 0).astype("f4")
