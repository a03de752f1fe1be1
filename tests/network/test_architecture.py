import pytest

from pneumo.explaining.methods import LAYERS, describe_coarseness, describe_layer
from pneumo.network.architecture import (
    ENTRY_CONVOLUTION,
    LAST_CONVOLUTION,
    PUBLISHED,
    Layout,
    build_classifier,
    cells_of,
)


@pytest.mark.parametrize("layout", [PUBLISHED, Layout(tiles=5), Layout(224, 1), Layout(71, 1, 2)])
def test_cells_are_counted_as_the_network_has_them(layout):
    network = build_classifier(layout)
    for layer in LAYERS:
        side = cells_of(layer, layout)
        assert network.get_layer(layer).output.shape[1:3] == (side, side), layer


def test_a_layer_that_nobody_looks_at_has_no_cells():
    with pytest.raises(KeyError):
        cells_of("block2_pool", PUBLISHED)


def test_layers_and_coarseness_follow_the_layout():
    tiled = Layout(tiles=5)
    assert describe_layer(LAST_CONVOLUTION, tiled) == "last layer, 10 x 10 cells"
    assert describe_layer(ENTRY_CONVOLUTION, tiled) == "block 4, 39 x 39 cells"
    assert describe_layer(ENTRY_CONVOLUTION, PUBLISHED) == "block 4, 37 x 37 cells"
    assert "5 x 5 blocks" in describe_coarseness(tiled)
    assert "19 x 19 cells" in describe_coarseness(Layout(last_stride=1))
