"""Feature maps -> class activation maps, by tf-keras-vis. The only module that imports it.

Everything here runs on the head model (feature maps -> pooling -> Dense), from the feature maps
of the very pass that gave the probability. The maps equal those of tf-keras-vis on the whole
network, at a hundredth of the cost.
"""

import threading

import numpy as np

METHODS = {
    "gradcam": "Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391)",
}


class Explainer:
    """Class activation maps for one classifier. Safe to share between threads."""

    def __init__(self, head) -> None:
        """Prepares the methods.

        Args:
            head: Keras model, feature maps `(n, h, w, channels)` -> softmax probabilities;
                see `pneumo.model.head_of`. It is copied, not changed.
        """
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.model_modifiers import ReplaceToLinear

        # The score is the logit: through a softmax the gradient carries p * (1 - p), which is
        # nothing at all for an answer the network is sure of.
        self._gradcam = Gradcam(head, model_modifier=ReplaceToLinear(), clone=True)
        self._penultimate = head.inputs[0].name
        self._lock = threading.Lock()  # tf-keras-vis builds a Keras model at every call

    def gradcam(self, maps: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Computes Grad-CAM before any resize: the ReLU of the gradient-weighted maps.

        The search for a convolution is switched off and the layer named: on Keras 3 the search
        takes a wrong layer of the same size without a word.

        Args:
            maps: `(n, h, w, channels)` float32 feature maps.
            classes: `(n,)` class index to explain for each.

        Returns:
            `(n, h, w)` float32, at least 0, in units of the logit: for this network the mean
            over all cells, before the ReLU, is the logit less the bias.
        """
        from tf_keras_vis.utils.scores import CategoricalScore

        with self._lock:
            cams = self._gradcam(
                CategoricalScore([int(index) for index in classes]),
                maps,
                penultimate_layer=self._penultimate,
                seek_penultimate_conv_layer=False,
                expand_cam=False,
                normalize_cam=False,
            )
        return np.asarray(cams, np.float32)


def normalize_heatmap(cam: np.ndarray) -> np.ndarray:
    """Scales each map by its own maximum.

    The minimum is not moved: 0 keeps meaning "no evidence for this class", and a map without
    any stays empty.

    Args:
        cam: `(..., h, w)`, at least 0.

    Returns:
        Same shape, float32, in [0, 1].
    """
    peak = cam.max(axis=(-2, -1), keepdims=True)
    return np.where(peak > 0, cam / np.where(peak > 0, peak, 1), 0).astype(np.float32)
