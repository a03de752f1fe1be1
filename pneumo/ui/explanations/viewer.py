"""Pictures side by side that are zoomed and moved as one."""

import base64
from dataclasses import dataclass

from pneumo.ui.components import mount

_linked_view = mount("viewer")


@dataclass(frozen=True)
class Pane:
    """One picture of the viewer.

    Attributes:
        title: Above the picture, plain text.
        picture: JPEG or PNG.
        alt: What it shows, for those who cannot see it.
        wide: Whether it is for windows that have room for one picture more, at their left.
    """

    title: str
    picture: bytes
    alt: str
    wide: bool = False


def show_linked(panes: list[Pane], key: str, columns: int = 1, narrow: int = 0) -> None:
    """Shows panes in a grid; a zoom or a drag in one is followed by all.

    Args:
        panes: Of one radiograph, where the same place is the same place, or of two.
        key: Of the element; the zoom is kept as long as it stays the same.
        columns: Most panes in a row.
        narrow: As many on a phone; if it is not said one, and two of four or more.
    """
    document = {
        "columns": min(columns, sum(not pane.wide for pane in panes)),
        "wide": min(columns, len(panes)),
        "narrow": narrow or (2 if len(panes) > 3 else 1),
        "panes": [
            {
                "title": pane.title,
                "src": data_uri(pane.picture),
                "alt": pane.alt,
                "wide": pane.wide,
            }
            for pane in panes
        ],
    }
    _linked_view(data=document, key=key)


def data_uri(picture: bytes) -> str:
    """Returns a JPEG or PNG as an address that holds the picture itself."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()
