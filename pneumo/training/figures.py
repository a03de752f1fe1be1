"""The curves of a finished run as PNG."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from pneumo import CLASSES
from pneumo.evaluation.calibration import class_weights, reliability_curve
from pneumo.files import JsonObject, atomic_write
from pneumo.network.operating_points import count_outcomes, rates_of

FIGURE_INK, BLUE, ORANGE, GREEN = (
    "#333333",
    "#0072B2",
    "#D55E00",
    "#009E73",
)  # Okabe and Ito 2008, for every eye


def draw_figures(
    folder: Path,
    history: list[JsonObject],
    labels: np.ndarray,
    probabilities: np.ndarray,
    points: dict[str, float],
) -> None:
    """Writes roc.png, precision_recall.png, reliability.png, confusion.png, and loss.png.

    Args:
        folder: Made if it is not there.
        history: One entry an epoch, with `epoch`, `loss`, and `held_out_` AUC and rates; if
            empty, as for an average of networks, there is no loss.png.
        labels: `(n,)` integers, 1 for PNEUMONIA.
        probabilities: `(n,)` P(PNEUMONIA).
        points: Name of an operating point -> its threshold; `balanced` is among them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if history:
        _draw_history(folder / "loss.png", history)
    _draw_roc(folder / "roc.png", labels, probabilities, points)
    _draw_precision_recall(folder / "precision_recall.png", labels, probabilities)
    _draw_reliability(folder / "reliability.png", labels, probabilities)
    _draw_confusion(folder / "confusion.png", labels, probabilities, points["balanced"])


def _draw_roc(
    path: Path, labels: np.ndarray, probabilities: np.ndarray, points: dict[str, float]
) -> None:
    figure, axes = _begin("ROC, " + _describe_set(labels), "1 - specificity", "sensitivity")
    false_alarms, found, _ = roc_curve(labels, probabilities)
    axes.plot(false_alarms, found, color=BLUE)
    for (name, threshold), mark in zip(points.items(), ["v", "o", "^"], strict=False):
        rates = rates_of(**count_outcomes(labels, probabilities, threshold))
        found_there, spared = rates["sensitivity"], rates["specificity"]
        if found_there is not None and spared is not None:
            axes.plot(1 - spared, found_there, mark, color=ORANGE, label=name)
    axes.legend(loc="lower right")
    _save(figure, path)


def _draw_precision_recall(path: Path, labels: np.ndarray, probabilities: np.ndarray) -> None:
    title = "Precision and recall, " + _describe_set(labels)
    figure, axes = _begin(title, "recall (sensitivity)", "precision (PPV)")
    precision, recall, _ = precision_recall_curve(labels, probabilities)
    axes.plot(recall, precision, color=BLUE)
    axes.set_ylim(min(0.5, precision[recall > 0].min()) - 0.02, 1.02)
    _save(figure, path)


def _draw_reliability(path: Path, labels: np.ndarray, probabilities: np.ndarray) -> None:
    figure, axes = _begin(
        "Reliability, both classes weighted alike", "P(PNEUMONIA)", "observed share of PNEUMONIA"
    )
    curve = reliability_curve(labels, probabilities, class_weights(labels))
    axes.plot([0, 1], [0, 1], ":", color=FIGURE_INK, label="perfect")
    own = _describe_set(labels)
    axes.plot(curve["probability"], curve["observed"], "o-", color=BLUE, label=own)
    axes.bar(curve["probability"], curve["weight"], 0.04, color=ORANGE, alpha=0.5, label="share")
    axes.legend()
    _save(figure, path)


def _draw_confusion(
    path: Path, labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> None:
    title = f"Threshold {threshold:.3f}, {_describe_set(labels)}"
    figure, axes = _begin(title, "called", "is")
    counts = count_outcomes(labels, probabilities, threshold)
    table = np.array([[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]])
    axes.imshow(table / table.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if count > table[row].sum() / 2 else FIGURE_INK
        axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=16)
    axes.set_xticks([0, 1], CLASSES)
    axes.set_yticks([0, 1], CLASSES)
    _save(figure, path)


def _draw_history(path: Path, history: list[JsonObject]) -> None:
    epochs = [entry["epoch"] for entry in history]
    figure, axes = _begin("Training and held-out patients by epoch", "epoch", "")
    for name, mark, colour in (
        ("loss", "o-", BLUE),
        ("held_out_auc", "s--", ORANGE),
        ("held_out_sensitivity", "^:", FIGURE_INK),
        ("held_out_specificity", "v:", GREEN),
    ):
        label = name.replace("held_out_", "held-out ").replace("auc", "AUC")
        axes.plot(epochs, [entry[name] for entry in history], mark, color=colour, label=label)
    axes.set_xticks(epochs)
    axes.legend()
    _save(figure, path)


def _describe_set(labels: np.ndarray) -> str:
    """Says what a figure was drawn from."""
    return f"{len(labels)} radiographs of held-out patients"


def _begin(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Makes a figure of its own: no window system, no shared state."""
    figure = Figure(figsize=(6, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    with atomic_write(path) as draft:
        figure.savefig(draft, format="png")
