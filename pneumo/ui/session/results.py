"""What is computed for the session's radiographs beyond the first answer, and kept.

Everything is kept by radiograph and weights, nothing by threshold: a slider moves no network.
"""

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import streamlit as st

from pneumo.evaluation.stability import Stability, measure_stability
from pneumo.explaining.methods import METHODS
from pneumo.explaining.scaling import scale_heatmap
from pneumo.images import encode_jpeg, fit_within
from pneumo.inference import Engine, cam_of, has_cam, score_pixels
from pneumo.network.card import ModelCard
from pneumo.network.classifier import Classifier
from pneumo.progress import Progress, unseen
from pneumo.ui.session import state
from pneumo.ui.session.values import Checks, Explanation, Identity, ReadEntry

Result = TypeVar("Result")


def has_common_scale(card: ModelCard, wanted: Explanation) -> bool:
    """Tells whether a heatmap is drawn on one scale for all radiographs."""
    return wanted.method in card.heat_scales and not wanted.relative


@dataclass(frozen=True)
class Results:
    """Gives results from the session's memory, or computes them."""

    engine: Engine

    @property
    def classifier(self) -> Classifier:
        """What answers."""
        return self.engine.classifier

    def pixels(self, entry: ReadEntry) -> np.ndarray:
        """Returns the radiograph `(height, width)` uint8 at full size."""
        return state.PIXELS.computed(entry.reading.info.identity, lambda: entry.read().pixels)

    def heatmap(
        self, entry: ReadEntry, wanted: Explanation, progress: Progress = unseen
    ) -> np.ndarray:
        """Returns one heatmap `(h, w)` float32 in [0, 1], before any resize."""

        def compute() -> np.ndarray:
            cam = cam_of(
                self.engine,
                entry.reading,
                wanted.method,
                wanted.label,
                wanted.layer,
                progress=progress,
            )
            return self._scale(wanted, cam)

        if has_cam(wanted.method):
            return compute()
        return state.HEATMAPS.computed(self._kept_as(entry, wanted), compute)

    def _kept_as(self, entry: ReadEntry, wanted: Explanation) -> tuple[Identity, Explanation]:
        # Without a scale for all there is but the own one, and nothing to compute a second time.
        relative = wanted.relative and wanted.method in self.classifier.card.heat_scales
        return self.identity(entry), replace(wanted, relative=relative)

    def _scale(self, wanted: Explanation, cam: np.ndarray) -> np.ndarray:
        return scale_heatmap(wanted.method, cam, self.classifier.card, wanted.relative)

    def has_heatmap(self, entry: ReadEntry, wanted: Explanation) -> bool:
        """Tells whether a heatmap is there without computing it."""
        kept = self._kept_as(entry, wanted)
        return has_cam(wanted.method) or state.HEATMAPS.get(kept) is not None

    def is_quick(self, entry: ReadEntry, wanted: Explanation) -> bool:
        """Tells whether a heatmap is there, or its method takes fractions of a second."""
        method = METHODS[wanted.method]
        takes_seconds = method.slow or (method.gradients and self.must_load())
        return not takes_seconds or self.has_heatmap(entry, wanted)

    def must_load(self) -> bool:
        """Tells whether the first method with gradients still has to load TensorFlow."""
        return not self.classifier.load_differentiable.is_done

    def stability(self, entry: ReadEntry) -> Stability:
        """Returns how far the answer moves under small changes."""

        def compute() -> Stability:
            return measure_stability(self.pixels(entry), entry.reading.probability, self.score)

        return state.STABILITY.computed(self.identity(entry), compute)

    def known_stability(self, entry: ReadEntry) -> Stability | None:
        """Returns the stability if it is there, without computing it."""
        return state.STABILITY.get(self.identity(entry))

    def checks(
        self, entry: ReadEntry, wanted: Explanation, compute: Callable[[], Checks]
    ) -> Checks:
        """Returns the checks of a heatmap from memory, or as they are computed."""
        return state.CHECKS.computed((self.identity(entry), wanted), compute)

    def known_checks(self, entry: ReadEntry, wanted: Explanation) -> Checks | None:
        """Returns the checks of a heatmap if they are there."""
        return state.CHECKS.get((self.identity(entry), wanted))

    def picture(self, key: Hashable, draw: Callable[[], bytes]) -> bytes:
        """Returns an encoded picture from memory, or as it is drawn."""
        return state.PICTURES.computed(key, draw)

    def radiograph(self, entry: ReadEntry, side: int) -> bytes:
        """Returns the radiograph without heat as JPEG, its longer side at most `side` pixels."""
        return self.picture(
            (self.identity(entry), side),
            lambda: encode_jpeg(fit_within(self.pixels(entry), side)),
        )

    def score(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Returns `(n,)` P(PNEUMONIA) of `(height, width)` uint8 pictures."""
        return score_pixels(self.classifier, pictures)

    def identity(self, entry: ReadEntry) -> Identity:
        """Returns what a result depends on: radiograph, adjustment and weights."""
        return *entry.reading.info.identity, self.classifier.card.weights_sha256


def run_or_offer(
    name: str,
    key: str,
    run: Callable[[Progress], Result],
    *,
    start: bool = True,
    offer: str = "",
    known: float = 0.0,
) -> Result | None:
    """Runs something that takes seconds behind a bar that can be stopped.

    A press of Stop makes Streamlit run the page anew, which ends the computation at its next
    sign of progress; then it is offered by a button.

    Args:
        name: Of what is computed, for the bar and the button.
        key: Unique to the computation.
        run: Computes; is given a function to report the share done.
        start: Whether to begin without being asked.
        offer: What the button says, if not that it computes `name`.
        known: Share that earlier runs have done.

    Returns:
        What `run` returns, or None while it is on offer.
    """
    states = state.RUNNING.ensure()
    with st.container(horizontal=True, vertical_alignment="center", key=f"run-{key}"):
        if not states.get(key, start):
            st.button(
                offer or f"Compute {name}",
                key=f"compute-{key}",
                on_click=states.update,
                args=({key: True},),
            )
            return None
        bar, stop = st.progress(known, f"{name} …"), st.empty()
    stop.button("Stop", key=f"stop-{key}", on_click=states.update, args=({key: False},))
    started = time.monotonic()

    def progress(share: float) -> None:
        done = share - known
        left = (time.monotonic() - started) * (1 - share) / done if done > 0 else 0
        bar.progress(share, f"{name} …" + (f" about {left:.0f} s left" if left >= 1 else ""))

    result = run(progress)
    states.pop(key, None)  # done: the next time it is asked for anew
    bar.empty()
    stop.empty()
    return result
