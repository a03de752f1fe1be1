"""The networks as ONNX models, for other runtimes and for comparison with them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17


class OnnxGraph:
    """A `pneumo.network.drawing.Graph` of ONNX operators; nodes are names of values."""

    def __init__(self) -> None:
        """Begins an empty graph."""
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []

    def finish(self, outputs: Sequence[str], axes: Mapping[str, int]) -> "ModelProto":
        """Returns the model, checked.

        Args:
            outputs: Of the network, in this order.
            axes: What they are to be called -> how many axes each has.
        """
        from onnx import TensorProto, checker, helper

        for value, name in zip(outputs, axes, strict=True):
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *[None] * (count - 1)])
            for name, count in axes.items()
        ]
        graph = helper.make_graph(self._nodes, "pneumo", self._inputs, infos, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8  # of the time of that opset; older runtimes refuse newer ones
        checker.check_model(model)
        return model

    def input(self, side: int, channels: int) -> str:
        from onnx import TensorProto, helper

        shape: list[str | int | None] = ["n", side, side, channels]
        self._inputs.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, shape))
        return self._add("Transpose", "image", perm=[0, 3, 1, 2])

    def pad(self, x: str, before: int, after: int) -> str:
        return self._add(
            "Pad", x, self._constant(np.array([0, 0, before, before, 0, 0, after, after]))
        )

    def rearrange(
        self, x: str, cut: Sequence[int], order: Sequence[int], joined: Sequence[int]
    ) -> str:
        parts = self._add("Reshape", x, self._constant(np.array(cut)))
        ordered = self._add("Transpose", parts, perm=list(order))
        return self._add("Reshape", ordered, self._constant(np.array(joined)))

    def convolve(
        self, x: str, kernel: np.ndarray, bias: np.ndarray, stride: int = 1, pad: bool = True
    ) -> str:
        weights = self._constant(kernel.transpose(3, 2, 0, 1))
        padding = "SAME_UPPER" if pad else "VALID"
        return self._add(
            *("Conv", x, weights, self._constant(bias)), strides=[stride] * 2, auto_pad=padding
        )

    def convolve_depthwise(self, x: str, kernel: np.ndarray) -> str:
        weights = self._constant(kernel.transpose(2, 3, 0, 1))
        return self._add("Conv", x, weights, group=kernel.shape[2], auto_pad="SAME_UPPER")

    def relu(self, x: str) -> str:
        return self._add("Relu", x)

    def sigmoid(self, x: str) -> str:
        return self._add("Sigmoid", x)

    def softmax(self, x: str) -> str:
        return self._add("Softmax", x, axis=1)

    def dense(self, x: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        return self._add("Gemm", x, self._constant(kernel), self._constant(bias))

    def max_pool(self, x: str, size: int, stride: int) -> str:
        sides: dict[str, Any] = {"kernel_shape": [size] * 2, "strides": [stride] * 2}
        return self._add("MaxPool", x, auto_pad="SAME_UPPER", **sides)

    def mean_pool(self, x: str, size: int) -> str:
        return self._add("AveragePool", x, kernel_shape=[size] * 2, strides=[size] * 2)

    def mean(self, x: str) -> str:
        return self._add("ReduceMean", x, axes=[2, 3], keepdims=0)

    def double(self, x: str) -> str:
        scales = self._constant(np.array([1, 1, 2, 2], np.float32))
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self._add("Resize", x, "", scales, **how)

    def add(self, x: str, y: str) -> str:
        return self._add("Add", x, y)

    def join(self, *parts: str) -> str:
        return self._add("Concat", *parts, axis=1)

    def channels_last(self, x: str) -> str:
        return self._add("Transpose", x, perm=[0, 2, 3, 1])

    def flatten(self, x: str) -> str:
        return self._add("Flatten", self.channels_last(x), axis=1)

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def _constant(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        array = np.ascontiguousarray(values)
        self._constants.append(numpy_helper.from_array(array, name))
        return name
