"""What a session holds, each thing under its key and with its type.

Streamlit keeps all of it in one dictionary of anything. No other module names a key of that: who
reads, writes or removes something does so through what is defined here.
"""

import random
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypedDict, TypeVar

import numpy as np
import streamlit as st

from pneumo.evaluation.stability import Stability
from pneumo.inference import Reading
from pneumo.reading.adjustment import Adjustment
from pneumo.ui.session.values import (
    Checks,
    Entry,
    Explanation,
    Identity,
    Pack,
    Place,
    Source,
    judged,
)

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Held(Generic[Value]):
    """One thing in the session's state.

    Attributes:
        key: Its own.
        first: Makes what stands for it as long as there is none.
    """

    key: str
    first: Callable[[], Value]

    def get(self) -> Value:
        """Returns it, or what stands for it, which is not kept."""
        value: Value = st.session_state.get(self.key, self.first())
        return value

    def ensure(self) -> Value:
        """Returns it, from now on the same object until another is put in its place."""
        value: Value = st.session_state.setdefault(self.key, self.first())
        return value

    def put(self, value: Value) -> None:
        """Puts another in its place."""
        st.session_state[self.key] = value

    def take(self) -> Value:
        """Removes and returns it."""
        value: Value = st.session_state.pop(self.key, self.first())
        return value


@dataclass(frozen=True)
class Cache(Generic[Key, Value]):
    """Results that are kept; the oldest go first.

    Attributes:
        key: Its own.
        most: Results that it holds.
    """

    key: str
    most: int

    def get(self, which: Key) -> Value | None:
        """Returns a result, or None if it is not there."""
        kept: dict[Key, Value] = st.session_state.get(self.key, {})
        return kept.get(which)

    def computed(self, which: Key, compute: Callable[[], Value]) -> Value:
        """Returns a result from memory, or as it is computed."""
        kept: dict[Key, Value] = st.session_state.setdefault(self.key, {})
        if which not in kept:
            value = compute()
            while len(kept) >= self.most:
                del kept[next(iter(kept))]
            kept[which] = value
        return kept[which]


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """What a widget is set to, for the whole session: Streamlit forgets it on another page."""

    key: str

    def widget(self, default: Value) -> str:
        """Returns the key for the widget.

        Args:
            default: The value at first; the widget itself is given none.
        """
        _SETTINGS.ensure().add(self.key)
        st.session_state.setdefault(self.key, default)
        return self.key

    @property
    def value(self) -> Value:
        """What it is set to; its widget was there before."""
        value: Value = st.session_state[self.key]
        return value

    def get(self, default: Value) -> Value:
        """Returns what it is set to, or a default as long as its widget was not there."""
        value: Value = st.session_state.get(self.key, default)
        return value

    def put(self, value: Value) -> None:
        """Sets it; of use before its widget is shown, as in what a button calls."""
        st.session_state[self.key] = value


def draw_again() -> NoReturn:
    """Has the page drawn anew, unless a visitor has asked for something since: that goes first.

    `st.rerun` by itself would put the address of this run in the place of the one that is waiting:
    a press of Back while something was computed would be lost.
    """
    _ = "any" in st.session_state  # Streamlit looks for what is waiting, and ends this run for it
    st.rerun()


class Said(TypedDict):
    """One thing that the worklist's component tells, and when, in milliseconds since 1970."""

    value: str
    at: float


_SETTINGS = Held[set[str]]("settings", set)

ENTRIES = Held[dict[str, Entry]]("entries", dict)
ADJUSTMENTS = Held[dict[str, Adjustment]]("adjustments", dict)
ADJUST_FAILED = Held[str]("adjust-failed", str)
PUT_OFF = Held[set[str]]("put-off", set)
CHOSEN_SAMPLES = Held[list[str]]("samples", list)
DROPPED = Held[dict[str, dict[str, Source]]]("dropped", dict)
"""Each upload's sources by its name."""
CARRIED = Held[dict[str, Source]]("carried", dict)
"""What was dropped before another page was shown."""
ASKED = Held[set[str]]("asked", set)
"""Keys of all that was to be read in the run before."""
CASE = Held[str]("case", str)
"""Key of the entry that is shown; empty if none was."""
LOOKED_AT = Held[tuple[tuple[str, str, float] | None, frozenset[str]]](
    "looked-at", lambda: (None, frozenset())
)
"""What the list was narrowed by: filter, words, threshold; and the cases opened since."""
PLACE = Held[Place | None]("place", Place)
"""What the address said when this page last read or wrote it; None after another page."""
WANTED = Held[str]("wanted-case", str)
"""The case that the address named, as long as its file is not there."""
KEPT = Held[str]("kept-case", str)
"""Key of the entry that stays beside whatever is shown; empty if none does."""
RUNNING = Held[dict[str, bool]]("running", dict)
"""Whether what takes seconds is wanted, by the key of its bar."""
PACK = Held[Pack | None]("pack", lambda: None)
"""What the evidence pack was made of, and the pack."""

# Of radiographs at full size only the one that is looked at: the others are read again from their
# files when they are needed.
PIXELS = Cache[tuple[str, Adjustment], np.ndarray]("pixels", 1)
HEATMAPS = Cache[tuple[Identity, Explanation], np.ndarray]("heatmaps", 48)
PICTURES = Cache[Hashable, bytes]("pictures", 32)
CHECKS = Cache[tuple[Identity, Explanation], Checks]("checks", 96)
STABILITY = Cache[Identity, Stability]("stability", 400)

THRESHOLD = Setting[float]("threshold")
PANEL = Setting[str | None]("panel")
"""Which panel below the case is open, a key of `pneumo.ui.pages.PANELS`."""
WIDE = Held[bool]("wide", lambda: False)
"""Whether the window was found to have room for curves beside the case and one picture more."""
JUDGE_ADULTS = Setting[bool]("judge-adults")
PREVALENCE = Setting[int]("prevalence")
COST_RATIO = Setting[float]("cost-ratio")

IDLE_SINCE = Held[float]("idle-since", lambda: 0.0)
"""When the page was last drawn to its end, on the monotonic clock."""
LIST_FILTER = Held[str]("shown", lambda: "All")
"""Which files the list shows, as it names them itself."""
DRAWER = Held[bool]("drawer", lambda: False)
"""Whether the list is open on a phone."""
ORDER = Setting[str]("order")
SEARCH = Setting[str]("search")
LAYOUT = Setting[str]("layout")
GALLERY_METHOD = Setting[str]("gallery-method")

HEAT = Held[bool]("heat", lambda: True)
"""Whether the heatmap is drawn; a button says so."""
CLASS = Setting[str]("class")
ARRANGEMENT = Setting[str]("view")
"""Of the pictures; the address says `view`, as the page does."""
DRAWING = Setting[str]("drawing")
OPACITY = Setting[int]("opacity")
ABOVE = Setting[int]("above")
RELATIVE = Setting[bool]("relative")
COLOUR_MAP = Setting[str]("colour-map")

TESTING = Setting[bool]("testing")
"""Whether people test themselves: names, labels and the model's answer wait for theirs."""
ANSWERS = Held[dict[str, str]]("answers", dict)
"""What the person says of a radiograph, a class each, by the key of its entry."""
NUMBERS = Held[dict[str, int]]("numbers", dict)
"""The number that stands for each file's name while people test themselves, by the same key."""

WORKLIST = "worklist"
"""Key of the worklist's component."""
_HEARD = Held[dict[str, float]]("heard", dict)
"""When the last thing of each name was said that was listened to."""


def method_setting(number: int) -> Setting[str]:
    """Returns the setting of the first or the second method that is shown."""
    return Setting(f"method-{number}")


def layer_setting(number: int) -> Setting[str]:
    """Returns the setting of that method's layer."""
    return Setting(f"layer-{number}")


def frame_input(entry: Entry) -> Held[int]:
    """Returns the number, from 1, in the widget for the frame of one file."""
    return Held(f"frame-{entry.key}", lambda: 1)


def hear(name: str) -> str | None:
    """Returns what the worklist's component tells by a name, once; called in its callbacks."""
    said: Said | None = st.session_state[WORKLIST].get(name)
    if not said or said["at"] == _HEARD.ensure().get(name):
        return None
    _HEARD.ensure()[name] = said["at"]
    return said["value"]


def open_case(key: str) -> None:
    """Makes an entry the case, whatever the list was narrowed to; to be called in a callback."""
    LIST_FILTER.take()
    SEARCH.put("")
    CASE.put(key)


def forget_removed(kept: Container[str]) -> None:
    """Forgets what was said of files that are there no more, or done to them.

    A sample has its key again when it comes back.

    Args:
        kept: Keys of the others.
    """
    for held in (ANSWERS, NUMBERS, ADJUSTMENTS):
        of_each: dict[str, Any] = held.get()
        for key in [key for key in of_each if key not in kept]:
            del of_each[key]


def restore_settings() -> None:
    """Sets every setting again; to be called at the start of each run, on every page."""
    for key in _SETTINGS.get() & st.session_state.keys():
        st.session_state[key] = st.session_state[key]


def hides(entry: Entry) -> bool:
    """Tells whether the page keeps all answers to itself, until the person has given one."""
    asked = entry.reading is not None and not entry.reading.refused
    return asked and TESTING.get(False) and entry.key not in ANSWERS.get()


def name_of(entry: Entry) -> str:
    """Returns the file's name, or the number that stands for it while people test themselves."""
    return f"Radiograph {number_of(entry)}" if TESTING.get(False) else entry.name


def number_of(entry: Entry) -> int:
    """Returns the number that stands for a file's name: at random, since order may tell labels."""
    numbers = NUMBERS.ensure()
    if entry.key not in numbers:
        most = max(len(judged(ENTRIES.get().values())), len(numbers) + 1)
        free = set(range(1, most + 1)) - set(numbers.values())
        numbers[entry.key] = random.choice(sorted(free))
    return numbers[entry.key]


def withholds(reading: Reading) -> bool:
    """Tells whether the page keeps the verdict to itself: on adults, unless it was asked for."""
    return reading.adult and not reading.refused and not JUDGE_ADULTS.get(False)
