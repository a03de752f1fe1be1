"""Radiograph -> heatmap, by the methods of tf-keras-vis, and Score-CAM and occlusion beside it.

The only module that imports tf-keras-vis.

Methods of the last layer need but the feature maps of the very pass that gave the probability, and
the head on top of them: the maps equal those of tf-keras-vis on the whole network, at a hundredth
of the cost. Of Grad-CAM and the evidence map the head leaves a product of matrices. The others
look inside the network and take one pass there and back, or several.
"""

from collections.abc import Callable

import numpy as np

from pneumo import NORMAL, PNEUMONIA
from pneumo.explaining.localisation import evidence_for
from pneumo.explaining.methods import (
    LAYERS,
    OCCLUSION_CELLS,
    OCCLUSION_WINDOW,
    SCORE_MAPS,
    SMOOTH_SAMPLES,
)
from pneumo.network.architecture import LAST_CONVOLUTION
from pneumo.network.classifier import Classifier
from pneumo.network.forward import PICTURES_A_PASS
from pneumo.network.queue import run_exclusively
from pneumo.progress import Progress, unseen

# The search for a convolution is switched off and the layer named: on Keras 3 the search takes a
# wrong layer of the same size without a word. Resizing and scaling are the overlay's.
_RAW = {"seek_penultimate_conv_layer": False, "expand_cam": False, "normalize_cam": False}


class Explainer:
    """Explanations for one classifier. Safe to share between threads."""

    def __init__(self, classifier: Classifier) -> None:
        """Takes the classifier; methods that need gradients are prepared when first asked."""
        self._classifier = classifier
        self._last: dict[str, Callable[..., np.ndarray]] = {}

    def shares(self, maps: np.ndarray) -> np.ndarray:
        """Computes what each cell adds to the logits.

        For pooling and one Dense layer the gradient of a logit is its weight over the number of
        cells, the same in every cell; so Grad-CAM before its ReLU is exact, and needs no gradient
        (Selvaraju et al. 2017, section 3.1, https://arxiv.org/abs/1610.02391). Tests hold it
        against tf-keras-vis on the whole network.

        Args:
            maps: `(n, h, w, channels)` float32 feature maps.

        Returns:
            `(n, h, w, 2)` float32: over all cells they add up to each logit less its bias.
        """
        return maps @ self._classifier.head.kernel / np.float32(maps.shape[1] * maps.shape[2])

    def gradcam(self, maps: np.ndarray) -> np.ndarray:
        """Computes Grad-CAM of every class, before any resize.

        Args:
            maps: `(n, h, w, channels)` float32 feature maps.

        Returns:
            `(n, 2, h, w)` float32, at least 0, in units of the logit, in the order of
            `pneumo.CLASSES`.
        """
        return np.maximum(np.moveaxis(self.shares(maps), -1, 1), 0)

    def evidence(self, maps: np.ndarray) -> np.ndarray:
        """Computes each cell's share of the log odds of PNEUMONIA.

        They add up to the log odds but for the constant difference of the two biases.

        Args:
            maps: `(n, h, w, channels)` float32 feature maps.

        Returns:
            `(n, h, w)` float32: above 0 what speaks for PNEUMONIA, below 0 what speaks for NORMAL.
        """
        shares = self.shares(maps)
        return shares[..., PNEUMONIA] - shares[..., NORMAL]

    def cam(self, method: str, maps: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Computes another class activation map of the last layer, before any resize.

        Args:
            method: `gradcam++` or `layercam`.
            maps: `(n, h, w, channels)` float32 feature maps.
            classes: `(n,)` class index to explain for each.

        Returns:
            `(n, h, w)` float32, at least 0.
        """
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
        from tf_keras_vis.layercam import Layercam
        from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
        from tf_keras_vis.utils.scores import CategoricalScore

        kinds = {"gradcam++": GradcamPlusPlus, "layercam": Layercam}
        head = self._classifier.load_differentiable().head

        # In turn also because tf-keras-vis builds a Keras model at every call.
        def compute() -> np.ndarray:
            if method not in self._last:  # a copy of the head; nobody else has a turn now
                linear = {"model_modifier": ReplaceToLinear(), "clone": True}
                self._last[method] = kinds[method](head, **linear)
            return self._last[method](
                CategoricalScore([int(index) for index in classes]),
                maps,
                penultimate_layer=head.inputs[0].name,
                **_RAW,
            )

        return np.asarray(run_exclusively(compute), np.float32)

    def explain(
        self,
        method: str,
        image: np.ndarray,
        label: int,
        layer: str = LAST_CONVOLUTION,
        progress: Progress = unseen,
    ) -> np.ndarray:
        """Explains one radiograph by any of `METHODS`.

        Args:
            method: A key of `METHODS`.
            image: `(1, size, size, 3)` float32 model input.
            label: Class index to explain.
            layer: One of `LAYERS`; LayerCAM looks at it, the others have no choice.
            progress: Called with the share that is done by the slow methods; what it raises
                ends the computation.

        Returns:
            `(h, w)` float32, at least 0: the cells of the layer, or the pixels of the input.

        Raises:
            KeyError: There is no such method or layer.
        """
        if layer not in LAYERS:
            raise KeyError(f"No explanation looks at layer {layer!r}; choose of {list(LAYERS)}.")
        of_last: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "gradcam": lambda maps: self.gradcam(maps)[0, label],
            "evidence": lambda maps: evidence_for(self.evidence(maps)[0], label),
            "gradcam++": lambda maps: self.cam(method, maps, np.array([label]))[0],
            "layercam": lambda maps: self.cam(method, maps, np.array([label]))[0],
        }
        if method in of_last and (layer == LAST_CONVOLUTION or method != "layercam"):
            return of_last[method](self._classifier.forward(image).maps)
        inside: dict[str, Callable[[], np.ndarray]] = {
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

        layercam = Layercam(self._classifier.load_differentiable().network)
        options = {"penultimate_layer": layer, **_RAW}
        return run_exclusively(lambda: layercam(CategoricalScore(label), image, **options)[0])

    def _scorecam(self, image: np.ndarray, label: int, progress: Progress) -> np.ndarray:
        """Weighs maps as tf-keras-vis does, which would run the network beside all turns."""
        from scipy.ndimage import zoom

        maps = self._classifier.forward(image).maps[0]
        maps = maps[..., np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:SCORE_MAPS]]
        sides = (image.shape[1] / maps.shape[0], image.shape[2] / maps.shape[1], 1)
        masks = zoom(maps, sides, order=1, mode="nearest")
        low, high = masks.min(axis=(0, 1)), masks.max(axis=(0, 1))
        masks = ((masks - low) / (high - low + 1e-7)).transpose(2, 0, 1)[..., np.newaxis]
        weights: list[float] = []
        for done in range(0, len(masks), PICTURES_A_PASS):
            progress(done / len(masks))
            shown = image * masks[done : done + PICTURES_A_PASS]
            weights.extend(self._classifier.forward(shown).probabilities[:, label])
        return np.maximum(maps @ np.array(weights, np.float32), 0)

    def _gradient(self, image: np.ndarray, label: int) -> np.ndarray:
        """Returns `(size, size, 3)`: how much the logit changes with each value of the input."""
        from tf_keras_vis.saliency import Saliency
        from tf_keras_vis.utils.scores import CategoricalScore

        saliency = Saliency(self._classifier.load_differentiable().network)
        options = {"keepdims": True, "normalize_map": False}
        return np.asarray(
            run_exclusively(lambda: saliency(CategoricalScore(label), image, **options)[0])
        )

    def _smoothgrad(self, image: np.ndarray, label: int, progress: Progress) -> np.ndarray:
        """Averages as tf-keras-vis does, copy by copy so that it can be watched and stopped."""
        random = np.random.RandomState(0)  # the generator that tf-keras-vis draws from
        sigma = 0.2 * (image.max() - image.min())
        total = np.zeros(image.shape[1:], np.float32)
        for done in range(SMOOTH_SAMPLES):
            progress(done / SMOOTH_SAMPLES)
            noisy = image + random.normal(0, sigma, image.shape).astype(np.float32)
            total += self._gradient(noisy, label)
        return (total / SMOOTH_SAMPLES).max(axis=-1)

    def _occlusion(self, image: np.ndarray, label: int, progress: Progress) -> np.ndarray:
        """Blurs a window at each place of a grid; the loss of log odds is the heat there."""
        from scipy.ndimage import gaussian_filter

        size = image.shape[1]
        blurred = gaussian_filter(image[0], (size / 15, size / 15, 0))
        before = _log_odds(self._classifier.forward(image).probabilities, label)[0]
        centres = (np.arange(OCCLUSION_CELLS) + 0.5) * size / OCCLUSION_CELLS
        half = OCCLUSION_WINDOW / 2 * size / OCCLUSION_CELLS
        spans = [slice(max(0, round(c - half)), round(c + half)) for c in centres]
        heat = np.zeros((OCCLUSION_CELLS, OCCLUSION_CELLS))
        for row, rows in enumerate(spans):
            progress(row / len(spans))
            hidden = np.repeat(image, len(spans), axis=0)
            for picture, columns in zip(hidden, spans, strict=True):
                picture[rows, columns] = blurred[rows, columns]
            heat[row] = before - _log_odds(self._classifier.forward(hidden).probabilities, label)
        return np.maximum(heat, 0)


def _log_odds(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Returns `(n,)` float64 log odds of a class; unlike P they do not end at 1."""
    logs = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny).astype(np.float64))
    return logs[:, label] - logs[:, 1 - label]
