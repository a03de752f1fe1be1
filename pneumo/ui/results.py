"""What is computed for the session's radiographs beyond the first answer, and kept.

Everything is kept by radiograph and weights, nothing by threshold: a slider moves no network.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pneumo import CLASSES
from pneumo.adjust import Adjustment
from pneumo.checks import Curves, Erasure
from pneumo.explain import LAYERS, METHODS, Explainer, normalize_heatmap
from pneumo.inference import prepare, score_pixels
from pneumo.model import LAST_CONVOLUTION, Classifier
from pneumo.overlay import encode_jpeg, fit_within
from pneumo.stability import Stability, measure_stability
from pneumo.ui.intake import Entry

KEPT = {"pixels": 1, "heatmaps": 48, "pictures": 32, "checks": 96, "stability": 400}
"""Most results of each kind in one session; the oldest go first. Of radiographs at full size only
the one that is looked at: the others are read again from their files when they are needed."""


@dataclass(frozen=True)
class Explanation:
    """Which heatmap of a radiograph is meant.

    Attributes:
        method: A key of `pneumo.explain.METHODS`.
        label: Class index.
        layer: One of `pneumo.explain.LAYERS`; the last for all but LayerCAM.
    """

    method: str
    label: int
    layer: str = LAST_CONVOLUTION

    @property
    def title(self) -> str:
        """Names the method, the class and, if it is not the last, the layer."""
        return f"{self.short_title}, evidence for {CLASSES[self.label]}"

    @property
    def short_title(self) -> str:
        """Names the method and, if it is not the last, the layer."""
        layer = "" if self.layer == LAST_CONVOLUTION else f" of {LAYERS[self.layer].split(',')[0]}"
        return METHODS[self.method].name + layer


@dataclass(frozen=True)
class Checks:
    """The checks of one heatmap; see `pneumo.checks`."""

    erasures: list[Erasure]
    curves: Curves


@dataclass(frozen=True)
class Results:
    """Gives results from the session's memory, or computes them."""

    classifier: Classifier
    explainer: Explainer

    def pixels(self, entry: Entry) -> np.ndarray:
        """Returns the radiograph `(height, width)` uint8 at full size."""
        return self._kept("pixels", entry.reading.identity, lambda: entry.read().pixels)

    def heatmap(
        self, entry: Entry, wanted: Explanation, progress: Callable[[float], None] | None = None
    ) -> np.ndarray:
        """Returns one heatmap `(h, w)` float32 in [0, 1], before any resize."""
        if wanted.method == "gradcam":
            return entry.reading.heatmaps[wanted.label]

        def compute() -> np.ndarray:
            image = prepare(self.classifier, [self.pixels(entry)])
            options = {"progress": progress} if progress else {}
            cam = self.explainer.explain(
                wanted.method, image, wanted.label, wanted.layer, **options
            )
            return normalize_heatmap(cam, METHODS[wanted.method].percentile)

        return self._kept("heatmaps", (self.identity(entry), wanted), compute)

    def has_heatmap(self, entry: Entry, wanted: Explanation) -> bool:
        """Tells whether a heatmap is there without computing it."""
        kept = st.session_state.get("heatmaps", {})
        return wanted.method == "gradcam" or (self.identity(entry), wanted) in kept

    def is_quick(self, entry: Entry, wanted: Explanation) -> bool:
        """Tells whether a heatmap is there, or its method takes fractions of a second."""
        return not METHODS[wanted.method].slow or self.has_heatmap(entry, wanted)

    def stability(self, entry: Entry) -> Stability:
        """Returns how far the answer moves under small changes."""

        def compute() -> Stability:
            return measure_stability(self.pixels(entry), entry.reading.probability, self.score)

        return self._kept("stability", self.identity(entry), compute)

    def known_stability(self, entry: Entry) -> Stability | None:
        """Returns the stability if it is there, without computing it."""
        return st.session_state.get("stability", {}).get(self.identity(entry))

    def checks(self, entry: Entry, wanted: Explanation, compute: Callable[[], Checks]) -> Checks:
        """Returns the checks of a heatmap from memory, or as they are computed."""
        return self._kept("checks", (self.identity(entry), wanted), compute)

    def known_checks(self, entry: Entry, wanted: Explanation) -> Checks | None:
        """Returns the checks of a heatmap if they are there."""
        return st.session_state.get("checks", {}).get((self.identity(entry), wanted))

    def picture(self, key: tuple, draw: Callable[[], bytes]) -> bytes:
        """Returns an encoded picture from memory, or as it is drawn."""
        return self._kept("pictures", key, draw)

    def radiograph(self, entry: Entry, side: int) -> bytes:
        """Returns the radiograph without heat as JPEG, its longer side at most `side` pixels."""
        return self.picture(
            (self.identity(entry), side),
            lambda: encode_jpeg(fit_within(self.pixels(entry), side)),
        )

    def score(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Returns `(n,)` P(PNEUMONIA) of `(height, width)` uint8 pictures."""
        return score_pixels(self.classifier, pictures)

    def identity(self, entry: Entry) -> tuple[str, Adjustment, str]:
        """Returns what a result depends on: radiograph, adjustment and weights."""
        return *entry.reading.identity, self.classifier.card.weights_sha256

    @staticmethod
    def _kept(kind: str, key: object, compute: Callable[[], object]):
        kept: dict = st.session_state.setdefault(kind, {})
        if key not in kept:
            value = compute()
            while len(kept) >= KEPT[kind]:
                del kept[next(iter(kept))]
            kept[key] = value
        return kept[key]


def run_or_offer(
    name: str, key: str, run: Callable[[Callable[[float], None]], object], start: bool = True
):
    """Runs something that takes seconds behind a bar that can be stopped.

    A press of Stop makes Streamlit run the page anew, which ends the computation at its next
    sign of progress; then it is offered by a button.

    Args:
        name: Of what is computed, for the bar and the button.
        key: Unique to the computation.
        run: Computes; is given a function to report the share done.
        start: Whether to begin without being asked.

    Returns:
        What `run` returns, or None while it is on offer.
    """
    states: dict[str, bool] = st.session_state.setdefault("running", {})
    if not states.get(key, start):
        st.button(
            f"Compute {name}", key=f"compute-{key}", on_click=states.update, args=({key: True},)
        )
        return None
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center", key=f"progress-{key}"):
        bar = st.progress(0.0, f"{name} …")
        st.button("Stop", key=f"stop-{key}", on_click=states.update, args=({key: False},))
    started = time.monotonic()

    def progress(share: float) -> None:
        left = (time.monotonic() - started) * (1 - share) / share if share else 0
        bar.progress(share, f"{name} …" + (f" about {left:.0f} s left" if left >= 1 else ""))

    result = run(progress)
    states.pop(key, None)  # done: the next time it is asked for anew
    place.empty()
    return result
