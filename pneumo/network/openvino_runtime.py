"""The networks on OpenVINO: faster, ready in a second, and without TensorFlow in memory.

Used where the package `openvino` is installed. In float32 the answers are TensorFlow's but for
rounding in the last place: both call oneDNN.
"""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from pneumo.errors import WeightsError
from pneumo.network.architecture import Layout
from pneumo.network.drawing import DrawnClassifier, draw_classifier, draw_finder
from pneumo.network.forward import Forward, in_turns
from pneumo.network.lung_finder import Finder, FinderPass
from pneumo.network.queue import run_exclusively

if TYPE_CHECKING:
    from openvino import CompiledModel, Model, Node


_threads = 0


def use_threads(number: int) -> None:
    """Makes networks that are loaded from now on run on so many threads; 0 for one a core."""
    global _threads
    _threads = number


def is_installed() -> bool:
    """Tells whether OpenVINO can be used here."""
    return find_spec("openvino") is not None


class OpenVinoGraph:
    """A `pneumo.network.drawing.Graph` of OpenVINO's operations."""

    def __init__(self) -> None:
        """Begins an empty graph."""
        from openvino import opset13

        self._ops = opset13
        self._input: Node | None = None

    def finish(self, outputs: Sequence["Node"]) -> "Model":
        """Returns the graph as a model, not compiled yet."""
        import openvino

        return openvino.Model(list(outputs), [self._input], "pneumo")

    def input(self, side: int, channels: int) -> "Node":
        self._input = self._ops.parameter([-1, side, side, channels], np.float32, name="image")
        return self._ops.transpose(self._input, self._constant([0, 3, 1, 2]))

    def pad(self, x: "Node", before: int, after: int) -> "Node":
        sides = ([0, 0, amount, amount] for amount in (before, after))
        return self._ops.pad(x, *map(self._constant, sides), "constant")

    def rearrange(
        self, x: "Node", cut: Sequence[int], order: Sequence[int], joined: Sequence[int]
    ) -> "Node":
        parts = self._ops.reshape(x, self._constant(list(cut)), False)
        ordered = self._ops.transpose(parts, self._constant(list(order)))
        return self._ops.reshape(ordered, self._constant(list(joined)), False)

    def convolve(
        self,
        x: "Node",
        kernel: np.ndarray,
        bias: np.ndarray,
        stride: int = 1,
        pad: bool = True,
    ) -> "Node":
        weights = self._constant(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        found = self._ops.convolution(
            *(x, weights, [stride, stride], [0, 0], [0, 0], [1, 1]),
            auto_pad="same_upper" if pad else "valid",
        )
        return self._ops.add(found, self._constant(bias.reshape(1, -1, 1, 1)))

    def convolve_depthwise(self, x: "Node", kernel: np.ndarray) -> "Node":
        own = np.ascontiguousarray(kernel.transpose(2, 3, 0, 1)[:, :, np.newaxis])
        return self._ops.group_convolution(
            *(x, self._constant(own), [1, 1], [0, 0], [0, 0], [1, 1]), auto_pad="same_upper"
        )

    def relu(self, x: "Node") -> "Node":
        return self._ops.relu(x)

    def sigmoid(self, x: "Node") -> "Node":
        return self._ops.sigmoid(x)

    def softmax(self, x: "Node") -> "Node":
        return self._ops.softmax(x, 1)

    def dense(self, x: "Node", kernel: np.ndarray, bias: np.ndarray) -> "Node":
        found = self._ops.matmul(x, self._constant(kernel), False, False)
        return self._ops.add(found, self._constant(bias))

    def max_pool(self, x: "Node", size: int, stride: int) -> "Node":
        pooled = self._ops.max_pool(
            *(x, [stride, stride], [1, 1], [0, 0], [0, 0], [size, size]), auto_pad="same_upper"
        )
        return pooled.output(0)

    def mean_pool(self, x: "Node", size: int) -> "Node":
        return self._ops.avg_pool(x, [size, size], [0, 0], [0, 0], [size, size], True)

    def mean(self, x: "Node") -> "Node":
        return self._ops.reduce_mean(x, self._constant([2, 3]), False)

    def double(self, x: "Node") -> "Node":
        return self._ops.interpolate(
            *(x, self._constant(np.array([2, 2], np.float32))),
            mode="linear_onnx",
            shape_calculation_mode="scales",
            coordinate_transformation_mode="half_pixel",
            axes=self._constant([2, 3]),
        )

    def add(self, x: "Node", y: "Node") -> "Node":
        return self._ops.add(x, y)

    def join(self, *parts: "Node") -> "Node":
        return self._ops.concat(list(parts), 1)

    def channels_last(self, x: "Node") -> "Node":
        return self._ops.transpose(x, self._constant([0, 2, 3, 1]))

    def flatten(self, x: "Node") -> "Node":
        return self._ops.reshape(self.channels_last(x), self._constant([0, -1]), True)

    def _constant(self, values: Any) -> "Node":
        return self._ops.constant(values)


def compile_model(model: Union["Model", Path], precision: str = "f32") -> "CompiledModel":
    """Compiles a model for this processor.

    Args:
        model: Of a graph, or a file that OpenVINO can read.
        precision: `f32` or `bf16`. OpenVINO would take the latter by itself where the processor
            has it, and answers move by hundredths.
    """
    import openvino

    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
    }
    if _threads:  # pinned, as is the default, workers would all take the first core
        options |= {"INFERENCE_NUM_THREADS": _threads, "ENABLE_CPU_PINNING": False}
    return openvino.Core().compile_model(model, "CPU", options)


def save_model(model: "Model", path: Path, names: Iterable[str]) -> None:
    """Writes a model as `.xml` and `.bin` in 32 bits, its outputs called by names."""
    import openvino

    for output, name in zip(model.outputs, names, strict=True):
        output.get_tensor().set_names({name})
    openvino.save_model(model, path, compress_to_fp16=False)


def load_forward(
    path: Path, layout: Layout, precision: str = "f32"
) -> tuple[Forward, DrawnClassifier[Any]]:
    """Loads a classifier.

    Args:
        path: Its weights.
        layout: Of the network.
        precision: See `compile_model`.

    Returns:
        A thread-safe function with the signature of `Classifier.forward`, and what was drawn.

    Raises:
        WeightsError: The file holds other weights, or this processor has no such arithmetic.
    """
    graph = OpenVinoGraph()
    drawn = draw_classifier(graph, path, layout)
    model = compile_model(graph.finish(drawn.outputs), precision)
    given = model.get_property("INFERENCE_PRECISION_HINT").to_string()
    if given != precision:
        raise WeightsError(
            f"This processor calculates in {given}, not in {precision}. Leave the precision out."
        )
    return in_turns(_runner(model)), drawn


def load_finder(path: Path) -> Finder:
    """Loads a lung finder; raises as `load_forward`."""
    graph = OpenVinoGraph()
    run = _runner(compile_model(graph.finish(draw_finder(graph, path))))

    def find(batch: np.ndarray) -> FinderPass:
        lungs, features = run_exclusively(lambda: run(batch))
        return FinderPass(lungs[..., 0], features)

    return find


def _runner(compiled: "CompiledModel") -> Any:
    """Returns a function from the input to copies of all outputs; one call at a time."""
    request = compiled.create_infer_request()

    def run(values: np.ndarray) -> list[np.ndarray]:
        found = request.infer([np.ascontiguousarray(values, np.float32)])
        return [np.array(found[place]) for place in range(len(compiled.outputs))]

    return run
