"""What a network is shown of a radiograph, in words; see `pneumo.network.lung_field.VIEWS`."""

from typing import NamedTuple

from pneumo.network.lung_field import CUT, EQUALISED, FIELD, WHOLE


class ViewNames(NamedTuple):
    """One thing in three places.

    Attributes:
        recipe: In the table of the recipe.
        square: Before the size of the square that the network saw.
        remark: After a picture of the whole radiograph.
    """

    recipe: str
    square: str
    remark: str


_ALONE = "; the network sees its lung field alone"
VIEW_NAMES = {
    EQUALISED: ViewNames(
        "the lung field alone, its grey levels equalised",
        "The lung field, all around it hidden and every grey level made equally frequent, "
        "stretched to",
        _ALONE,
    ),
    FIELD: ViewNames(
        "the lung field alone",
        "The lung field, all around it hidden, stretched to",
        _ALONE,
    ),
    CUT: ViewNames(
        "the radiograph cut to the lung field, nothing hidden",
        "Cut to the lungs and stretched to",
        "; the network sees it cut to the lungs",
    ),
    WHOLE: ViewNames("the whole radiograph", "Stretched to", ""),
}
