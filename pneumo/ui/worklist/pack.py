"""The evidence pack: everything about the session's radiographs in one download."""

import datetime
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from pneumo import CLASSES
from pneumo.evaluation.held_out import HeldOutScores, Rates
from pneumo.explaining.methods import METHODS
from pneumo.explaining.overlay import Look
from pneumo.export.evidence_pack import write_pack
from pneumo.export.report_page import CaseReport, PackContext
from pneumo.export.rows import ADULT_VERDICT, Row, to_csv, to_json
from pneumo.images import fit_within
from pneumo.network.card import ModelCard
from pneumo.progress import Progress, follow
from pneumo.ui.explanations.browser import SCREEN_SIDE, draw
from pneumo.ui.explanations.checks import describe_checks
from pneumo.ui.session import state
from pneumo.ui.session.results import Results, has_common_scale, run_or_offer
from pneumo.ui.session.values import Entry, Explanation, Pack, ReadEntry, judged
from pneumo.ui.theme.style import DISCLAIMER, WARNING
from pneumo.ui.view_names import VIEW_NAMES
from pneumo.ui.worklist.rows import make_row, rows_of

FEW, PACK_SIDE = 24, 800
"""A larger pack than of so many radiographs has smaller overlays, or it would not fit memory."""


def show_pack(
    entries: dict[str, Entry],
    rates: Rates,
    scores: HeldOutScores,
    shown: tuple[Explanation, Look],
    results: Results,
) -> None:
    """Offers worklist, report and overlays of all radiographs for download.

    Args:
        entries: All of the session; those without a verdict are in the worklist alone.
        rates: At the threshold of the slider.
        scores: Of the model card, which the rates are of.
        shown: The explanation on the page and how it is drawn; a slow one gives way to Grad-CAM.
        results: Of the session.
    """
    threshold = rates.threshold
    wanted, look = shown
    if METHODS[wanted.method].slow:
        wanted = Explanation("gradcam", wanted.label)
    readings = judged(entries.values())
    context = _context_of(rates, scores, results)
    rows = rows_of(entries, threshold, results)
    _offer_worklist(rows)
    # All that the ZIP says, but for what is tried by and by: that is in `known`.
    told = tuple(replace(row, uncertain="", p_low=None, p_high=None) for row in rows)
    of = (told, tuple(results.identity(entry) for entry in readings), threshold, wanted, look)
    known = tuple(
        (
            results.known_stability(entry) is not None,
            results.known_checks(entry, wanted) is not None,
        )
        for entry in readings
    )
    made = state.PACK.get()
    if made and made.of != of:
        state.PACK.take()
        made = None
    if made:
        _offer_zip(made, context)
    # What is tried in the background meanwhile takes no pack away that is about to be taken.
    if readings and (made is None or made.known != known):
        text = f"PDF report and pictures of {len(readings)}"
        pack = run_or_offer(
            text,
            "pack",
            partial(_write, entries, (wanted, look), (rates, context), results),
            start=False,
            offer="Make it again: more has been tried since" if made else f"Make {text}",
        )
        if pack:
            state.PACK.put(Pack(of, known, pack))
            state.draw_again()
    st.caption(
        f"The ZIP holds a PDF page for each radiograph with {wanted.title}, the overlays as "
        "PNG, and the worklist; it holds the checks and small changes made so far. File names and "
        "pictures are as you gave them, and may tell who the patient is."
    )


def _offer_worklist(rows: list[Row]) -> None:
    with st.container(horizontal=True, key="worklist-downloads"):
        for kind, mime, text in (
            ("CSV", "text/csv", to_csv(rows)),
            ("JSON", "application/json", to_json(rows)),
        ):
            st.download_button(
                f"Worklist as {kind}",
                text.encode(),
                file_name=f"pneumo-worklist.{kind.lower()}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
            )


def _offer_zip(made: Pack, context: PackContext) -> None:
    st.download_button(
        f"PDF report and pictures (ZIP), {len(made.data) / 2**20:.1f} MB",
        made.data,
        file_name=f"pneumo-evidence-{context.day}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        type="primary",
    )


def _context_of(rates: Rates, scores: HeldOutScores, results: Results) -> PackContext:
    card = results.classifier.card
    return PackContext(
        model=card.document["name"],
        version=card.document["version"],
        weights_sha256=card.weights_sha256,
        date=datetime.datetime.now(datetime.UTC).date(),
        sensitivity=rates.sensitivity,
        sensitivity_ci95=rates.sensitivity_ci95,
        specificity=rates.specificity,
        specificity_ci95=rates.specificity_ci95,
        measured_on=f"Measured on {len(scores.labels)} radiographs: {scores.of}.",
        disclaimer=f"{WARNING}. {DISCLAIMER}",
    )


def _write(
    entries: dict[str, Entry],
    shown: tuple[Explanation, Look],
    measured: tuple[Rates, PackContext],
    results: Results,
    progress: Progress,
) -> bytes:
    threshold, context = measured[0].threshold, measured[1]
    wanted, look = shown
    readings = judged(entries.values())
    side = SCREEN_SIDE if len(readings) <= FEW else PACK_SIDE
    others = [row for row in rows_of(entries, threshold, results) if row.p_pneumonia is None]
    explained = CLASSES[wanted.label]
    captions = _captions(wanted, results.classifier.card)

    def cases() -> Iterator[CaseReport]:
        for entry in follow(readings, progress):
            pixels = fit_within(results.pixels(entry), side)
            row = make_row(entry, threshold, results)
            verdict = explained if row.verdict == ADULT_VERDICT else row.verdict
            yield CaseReport(
                row,
                pixels,
                draw(look, pixels, results.heatmap(entry, wanted), entry.reading.input.field),
                wanted.title,
                _shrunk(entry, pixels),
                tuple(describe_checks(entry, wanted, verdict, results)),
                captions,
            )

    return write_pack(cases(), context, others)


def _captions(wanted: Explanation, card: ModelCard) -> tuple[str, str]:
    """Says of both pictures of a page what they show."""
    common = has_common_scale(card, wanted)
    return (
        f"as read{VIEW_NAMES[card.view].remark}",
        "one scale for all radiographs" if common else "hottest: its own strongest place",
    )


def _shrunk(entry: ReadEntry, pixels: np.ndarray) -> str:
    """Says that the page's pictures are smaller than the radiograph; empty if they are not."""
    (own_height, own_width), (height, width) = entry.reading.info.shape, pixels.shape
    if (own_height, own_width) == (height, width):
        return ""
    return f"{own_width} x {own_height}, here shown as {width} x {height}"
