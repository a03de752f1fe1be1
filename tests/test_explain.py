import numpy as np
import pytest

from pneumo import NORMAL, PNEUMONIA
from pneumo.explain import Explainer, normalize_heatmap
from pneumo.model import LAST_CONVOLUTION, WEIGHTS_FOLDER, build_classifier


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(1)
    smooth = rng.uniform(-1, 1, (2, 13, 13, 1)).repeat(23, axis=1).repeat(23, axis=2)
    return np.repeat(smooth, 3, axis=-1).astype(np.float32)


@pytest.mark.parametrize("label", [NORMAL, PNEUMONIA])
def test_gradcam_equals_weighted_maps(classifier, pictures, label):
    # For pooling + Dense the gradient of a logit is its weight / (h * w) in every cell.
    maps, _ = classifier.forward(pictures)
    weights, _ = classifier.head.get_layer("probability").get_weights()
    weighted = maps @ weights[:, label] / 100
    cams = Explainer(classifier.head).gradcam(maps, np.array([label, label]))
    assert np.ptp(weighted) > 0
    np.testing.assert_allclose(cams, np.maximum(weighted, 0), atol=1e-5 * np.ptp(weighted))


def test_gradcam_of_the_whole_network_is_the_same_map(classifier, pictures):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    model = build_classifier()
    model.load_weights(WEIGHTS_FOLDER / classifier.card.weights_file)
    whole = Gradcam(model, model_modifier=ReplaceToLinear(), clone=False)(
        CategoricalScore([PNEUMONIA, NORMAL]),
        pictures,
        penultimate_layer=LAST_CONVOLUTION,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    maps, _ = classifier.forward(pictures)
    cams = Explainer(classifier.head).gradcam(maps, np.array([PNEUMONIA, NORMAL]))
    np.testing.assert_allclose(cams, whole, atol=1e-4 * np.max(whole))


def test_both_classes_explained_in_one_call_equal_one_call_each(classifier, pictures):
    maps, _ = classifier.forward(pictures[:1])
    explainer = Explainer(classifier.head)
    both = explainer.gradcam(np.repeat(maps, 2, axis=0), np.array([NORMAL, PNEUMONIA]))
    for label in (NORMAL, PNEUMONIA):
        np.testing.assert_allclose(
            both[label], explainer.gradcam(maps, np.array([label]))[0], atol=1e-6
        )


def test_explaining_leaves_the_head_as_it_was(classifier, pictures):
    maps, probabilities = classifier.forward(pictures)
    Explainer(classifier.head).gradcam(maps, np.array([PNEUMONIA, PNEUMONIA]))
    np.testing.assert_allclose(classifier.head(maps), probabilities, atol=1e-5)


def test_normalizing_keeps_zero_and_leaves_an_empty_map_empty():
    cams = np.array([[[1.0, 2.0], [4.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]]])
    expected = [[[0.25, 0.5], [1, 0.75]], [[0, 0], [0, 0]]]
    np.testing.assert_array_equal(normalize_heatmap(cams), expected)
