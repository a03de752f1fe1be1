"""The classifier as a file for other runtimes, and the proof that it answers the same."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pneumo.errors import OutputError
from pneumo.network.architecture import LAST_CONVOLUTION
from pneumo.network.card import ModelCard
from pneumo.network.classifier import Classifier, load_folded
from pneumo.network.drawing import draw_classifier
from pneumo.network.model_input import stack_grids
from pneumo.network.onnx_graph import OnnxGraph
from pneumo.network.openvino_runtime import (
    OpenVinoGraph,
    compile_model,
    is_installed,
    save_model,
)
from pneumo.network.preprocess import to_model_input
from pneumo.network.self_test import draw_pictures

SUFFIX_OF = {"onnx": ".onnx", "openvino": ".xml", "litert": ".tflite"}
"""Format -> how the file's name ends; OpenVINO puts the weights into a `.bin` beside it."""
OUTPUTS = {"maps": 4, "probability": 2}
"""Name of each output -> its axes."""
EXPORT_TOLERANCE = 1e-4


def export_classifier(classifier: Classifier, folder: Path, kind: str, path: Path) -> float:
    """Writes a classifier to a file, reads it back and compares the answers.

    The file's network takes `image`, `(n, 299, 299, 3)` float32 as `to_model_input` makes it of
    the lung field: finding the lungs and hiding the rest is not in it. It gives `maps`,
    `(n, 10, 10, 2048)`, and `probability`, `(n, 2)` in the order of `pneumo.CLASSES`.

    Args:
        classifier: That answers here.
        folder: Holds its weights.
        kind: A key of `SUFFIX_OF`.
        path: Of the file, ending as the format does; an older one is replaced.

    Returns:
        How far its probabilities lie from the classifier's at most.

    Raises:
        OutputError: A package is missing, the name ends otherwise, or the answers differ.
    """
    if path.suffix != SUFFIX_OF[kind]:
        raise OutputError(f"A file of {kind} is called *{SUFFIX_OF[kind]}, not {path.name}.")
    if kind != "litert" and not is_installed():
        raise OutputError("To export needs OpenVINO: pip install 'pneumo[fast,export]'")
    weights, write = folder / classifier.card.weights_file, _WRITERS[kind]
    answer = _answer_on_litert if kind == "litert" else _answer_on_openvino
    pictures = to_model_input(stack_grids(classifier.prepare(draw_pictures())))
    expected = classifier.forward(pictures).probabilities
    # Apart until it is known to be right: no other program is to find it before.
    with TemporaryDirectory(dir=path.parent) as apart:
        draft = Path(apart) / path.name
        write(weights, classifier.card, draft)
        most = float(np.abs(answer(draft, pictures) - expected).max())
        if not most <= EXPORT_TOLERANCE:
            raise OutputError(f"{path} answers otherwise than the weights do: by up to {most:.1e}.")
        for part in Path(apart).iterdir():
            part.replace(path.parent / part.name)
    return most


def _write_onnx(weights: Path, card: ModelCard, path: Path) -> None:
    try:
        import onnx
    except ImportError as error:
        raise OutputError(
            "To export as ONNX needs the package onnx: pip install 'pneumo[export]'"
        ) from error
    graph = OnnxGraph()
    drawn = draw_classifier(graph, weights, card.layout)
    onnx.save(graph.finish(drawn.outputs, OUTPUTS), path)


def _write_openvino(weights: Path, card: ModelCard, path: Path) -> None:
    graph = OpenVinoGraph()
    drawn = draw_classifier(graph, weights, card.layout)
    save_model(graph.finish(drawn.outputs), path, OUTPUTS)


def _write_litert(weights: Path, card: ModelCard, path: Path) -> None:
    try:
        import ai_edge_litert  # noqa: F401
        import keras
    except ImportError as error:
        raise OutputError(
            f"To export for LiteRT needs {error.name}: pip install 'pneumo[export]'"
        ) from error
    model = load_folded(weights, card)
    outputs = {"maps": model.get_layer(LAST_CONVOLUTION).output, "probability": model.output}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what TensorFlow's converter is made of
        network = keras.Model({"image": model.input}, outputs)
        network.export(path, format="litert", verbose=False)


def _answer_on_openvino(path: Path, pictures: np.ndarray) -> np.ndarray:
    found: np.ndarray = compile_model(path)([pictures])[1]
    return found


def _answer_on_litert(path: Path, pictures: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    answer = Interpreter(str(path)).get_signature_runner()
    return np.concatenate([answer(image=one[np.newaxis])["probability"] for one in pictures])


_WRITERS = {"onnx": _write_onnx, "openvino": _write_openvino, "litert": _write_litert}
