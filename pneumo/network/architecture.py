"""Xception with a two-node head, built in code, and its parts.

The architecture is never read from a file: a saved Keras model can run code of its author's
choosing when it is loaded, a file of weights cannot.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from pneumo import CLASSES
from pneumo.network.preprocess import IMAGE_SIZE

if TYPE_CHECKING:
    import keras

LAST_CONVOLUTION = "block14_sepconv2_act"
"""The penultimate layer of Grad-CAM: the last feature maps, after their ReLU."""
EXIT_CONVOLUTION = "block13_sepconv2_act"
"""Feature maps of the exit flow before the last halving, after their ReLU."""
ENTRY_CONVOLUTION = "block4_sepconv2_act"
"""Feature maps of the entry flow before its last halving, after their ReLU."""


class Layout(NamedTuple):
    """How a network is laid out; the same weights fit any layout.

    Attributes:
        image_size: Side of the square input in pixels, at least 71.
        last_stride: Of the last pooling and its shortcut: 2 as published, for 10 x 10 feature
            maps of 299 pixels; 1 for 19 x 19.
        tiles: Into how many along each side the feature maps are cut after the entry flow; 0 for
            not at all, as published.
    """

    image_size: int = IMAGE_SIZE
    last_stride: int = 2
    tiles: int = 0


PUBLISHED = Layout()
"""As Xception was published."""


class Tiling(NamedTuple):
    """How the feature maps of the entry flow are cut.

    Attributes:
        tiles: Along each side.
        side: Of a tile, in cells of those maps.
        padding: Pixels of mean grey before and after the picture, so that the tiles fit.
    """

    tiles: int
    side: int
    padding: tuple[int, int]


def build_classifier(layout: Layout = PUBLISHED) -> "keras.Model":
    """Builds Xception with global average pooling and `Dense(2, softmax)`, untrained.

    The network is flat (the base is not a nested model), so that any layer can be reached from
    the input by name. It is the origin's architecture: Chollet 2017,
    https://arxiv.org/abs/1610.02357, without its top.

    Published as it was, every cell of its last layer sees the whole picture, and a heatmap of
    those cells need not tell what is where. With tiles the middle and the exit flow see one tile
    of the entry flow's feature maps at a time, and what a cell says can only be about its own
    surroundings (bags of local features: Brendel and Bethge 2019,
    https://arxiv.org/abs/1904.00760). The weights fit either.

    Args:
        layout: Of the network.

    Returns:
        A `keras.Model` from `(n, image_size, image_size, 3)` in [-1, 1] to `(n, 2)`
        probabilities in the order of `pneumo.CLASSES`, with the layer `probability` on top of
        `avg_pool`.
    """
    import keras

    image_size, last_stride, tiles = layout
    image = keras.Input((image_size, image_size, 3), name="image")
    padded = image
    if tiles:
        padded = keras.layers.ZeroPadding2D((tiling_of(image_size, tiles).padding,) * 2)(image)
    base = keras.applications.Xception(include_top=False, weights=None, input_tensor=padded)
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(base.output)
    # float32 also under mixed precision: a softmax in 16 bits rounds confident answers to 1.
    head = keras.layers.Dense(
        len(CLASSES), activation="softmax", dtype="float32", name="probability"
    )
    model = keras.Model(image, head(pooled), name="pneumo")
    if last_stride != 2:
        model = _with_last_stride(model, last_stride)
    return _with_tiles(model, tiling_of(image_size, tiles)) if tiles else model


def tiling_of(image_size: int, tiles: int) -> Tiling:
    """Returns how pictures of a size are cut into so many tiles along each side."""
    size = image_size
    while (side := _entry_side(size)) % (2 * tiles):
        size += 1
    before = (size - image_size) // 2
    return Tiling(tiles, side // tiles, (before, size - image_size - before))


def cells_of(layer: str, layout: Layout) -> int:
    """Returns how many cells the feature maps of a layer have along each side.

    Args:
        layer: `LAST_CONVOLUTION`, `EXIT_CONVOLUTION` or `ENTRY_CONVOLUTION`.
        layout: Of the network.

    Raises:
        KeyError: Of any other layer.
    """
    padding = tiling_of(layout.image_size, layout.tiles).padding if layout.tiles else (0, 0)
    entry = _entry_side(layout.image_size + sum(padding))
    if layer == LAST_CONVOLUTION:
        return -(-entry // layout.last_stride)
    if layer == EXIT_CONVOLUTION:
        return entry
    if layer == ENTRY_CONVOLUTION:
        return _halves(layout.image_size + sum(padding), 2)
    raise KeyError(layer)


def _entry_side(image_size: int) -> int:
    """Returns the side of the entry flow's feature maps."""
    return _halves(image_size, 3)


def _halves(image_size: int, poolings: int) -> int:
    """Returns the side of feature maps after two unpadded 3 x 3 layers and so many halvings."""
    side = (image_size - 3) // 2 + 1 - 2
    for _ in range(poolings):
        side = -(-side // 2)
    return side


def _with_last_stride(model: "keras.Model", last_stride: int) -> "keras.Model":
    import keras

    config = model.get_config()
    by_name = {layer["name"]: layer["config"] for layer in config["layers"]}
    pool = model.get_layer("block13_pool")
    shortcuts = [x.name for x in model.layers if type(x) is keras.layers.Conv2D]  # in their order
    for name in (pool.name, shortcuts[-1]):
        by_name[name]["strides"] = (last_stride, last_stride)
    return keras.Model.from_config(config)


def _with_tiles(model: "keras.Model", tiling: Tiling) -> "keras.Model":
    """Returns the same network with the feature maps cut after the entry flow, joined at the end.

    Layers that are looked at by name see whole maps: tiles are joined before their ReLU.
    """
    import keras

    entry_end = [x.name for x in model.layers if isinstance(x, keras.layers.Add)][2]
    n = tiling.tiles

    def swap(maps: Any, shape: tuple[int, ...], to: tuple[int, ...]) -> Any:
        rows = keras.ops.transpose(keras.ops.reshape(maps, shape), (0, 1, 3, 2, 4, 5))
        return keras.ops.reshape(rows, to)

    def cut(maps: Any) -> Any:
        _, h, w, channels = maps.shape
        h, w = h // n, w // n
        return swap(maps, (-1, n, h, n, w, channels), (-1, h, w, channels))

    def join(maps: Any) -> Any:
        _, h, w, channels = maps.shape
        return swap(maps, (-1, n, n, h, w, channels), (-1, n * h, n * w, channels))

    def call(layer: "keras.Layer", *inputs: Any, **options: Any) -> Any:
        if layer.name == LAST_CONVOLUTION:
            return layer(join(inputs[0]))
        if layer.name == EXIT_CONVOLUTION:
            return cut(layer(join(inputs[0])))
        outputs = layer(*inputs, **options)
        return cut(outputs) if layer.name == entry_end else outputs

    return keras.models.clone_model(model, call_function=call)


def backbone_of(classifier: "keras.Model") -> "keras.Model":
    """Returns the part of a classifier from the image to the last feature maps; layers shared."""
    import keras

    return keras.Model(classifier.input, classifier.get_layer(LAST_CONVOLUTION).output)


def head_of(classifier: "keras.Model") -> "keras.Model":
    """Returns a model of its own from feature maps to probabilities, with a copy of the weights.

    Its outputs equal the classifier's. Gradients with respect to the feature maps need only this
    small part, which makes every last-layer class activation map cheap.
    """
    import keras

    shape = classifier.get_layer(LAST_CONVOLUTION).output.shape[1:]
    maps = keras.Input(shape, name="feature_maps")
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(maps)
    dense = keras.layers.Dense(len(CLASSES), activation="softmax", name="probability")
    head = keras.Model(maps, dense(pooled), name="head")
    dense.set_weights(classifier.get_layer("probability").get_weights())
    return head


def logit_network(classifier: "keras.Model") -> "keras.Model":
    """Returns the network from image to logits, before the softmax; layers below are shared.

    Explanations differentiate the logit: through a softmax the gradient carries p * (1 - p),
    which is nothing at all for an answer the network is sure of.
    """
    import keras

    dense = keras.layers.Dense(len(CLASSES), dtype="float32", name="logit")
    pooled = classifier.get_layer("avg_pool").output
    # A list of one, as tf-keras-vis calls it; Keras warns of any other form.
    network = keras.Model(classifier.inputs, dense(pooled))
    dense.set_weights(classifier.get_layer("probability").get_weights())
    return network
