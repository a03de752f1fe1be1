"""What the model page says in words, worked out from the model card: no Streamlit in here."""

from collections import Counter

from pneumo import NORMAL, PNEUMONIA
from pneumo.evaluation.held_out import HeldOutScores
from pneumo.files import JsonObject
from pneumo.network.card import ModelCard
from pneumo.network.operating_points import RULE_OUT

DATA_DOI = "10.17632/rscbjbr9sj"
SURE = 0.1
"""P(PNEUMONIA) within this of 0 or 1 is a sure answer."""


def describe_failures(card: ModelCard, scores: HeldOutScores | None) -> list[str]:
    """Names the failures that the card's own figures show, one sentence each.

    Args:
        card: Whatever its document lacks is passed over.
        scores: Of the card, if it has any.
    """
    metrics = card.document.get("metrics", {})
    found = [_mistakes(metrics.get("held_out_patients", {}))]
    if scores is not None:
        found += [_sure_and_wrong(scores)]
    found += _worst_shifts(metrics.get("shifts", {}))
    found += [_rule_out(card)]
    return [sentence for sentence in found if sentence]


def describe_bfloat16(metrics: JsonObject) -> str:
    """Says what `--precision bfloat16` costs, or that nobody has measured it.

    Args:
        metrics: Of the card.
    """
    coarse, exact = metrics.get("bfloat16"), metrics.get("held_out_patients", {})
    if not coarse or not exact:
        return "What answers in bfloat16 are worth was not measured with these weights."
    names = {"auc": "AUC", "balanced_accuracy": "balanced accuracy", "sensitivity": "sensitivity"}
    names |= {"specificity": "specificity", "ece_equal_classes": "calibration error"}
    rates = ", ".join(
        f"{words} {coarse[name]:.3f} ({exact[name]:.3f})"
        for name, words in names.items()
        if exact.get(name) is not None
    )
    changed = coarse["verdicts_changed"]
    return (
        f"In bfloat16, on request only, P moves by {coarse['mean_change']:.3f} on average and by "
        f"{coarse['largest_change']:.3f} at most; {changed} of {coarse['n']} verdicts "
        f"{'changes' if changed == 1 else 'change'}. In brackets as it is in float32: {rates}."
    )


def _mistakes(metrics: JsonObject) -> str | None:
    counts = Counter(metrics.get("confusion") or {})
    ill, healthy = counts["fn"] + counts["tp"], counts["fp"] + counts["tn"]
    if not ill or not healthy or "threshold" not in metrics:
        return None
    return (
        f"At the default threshold of {metrics['threshold']:.3f} it calls {counts['fn']} of {ill} "
        f"pneumonias NORMAL ({counts['fn'] / ill:.1%}), and {counts['fp']} of {healthy} normal "
        f"chests PNEUMONIA ({counts['fp'] / healthy:.1%})."
    ).replace("%", " %")


def _sure_and_wrong(scores: HeldOutScores) -> str:
    ill = scores.probabilities[scores.labels == PNEUMONIA]
    healthy = scores.probabilities[scores.labels == NORMAL]
    return (
        f"Sure is not right: {(ill < SURE).sum()} of {len(ill)} pneumonias get a P below {SURE}, "
        f"{(healthy >= 1 - SURE).sum()} of {len(healthy)} normal chests a P of {1 - SURE:.1f} or "
        f"more ({scores.of})."
    )


def _worst_shifts(shifts: JsonObject) -> list[str]:
    """Finds the change of the robustness suite that is worst for each rate, and for the answer."""
    plain = shifts.get("none", {})
    changed = {name: entry for name, entry in shifts.items() if name != "none"}
    sentences = []
    for rate, words in (("sensitivity",) * 2, ("specificity",) * 2, ("auc", "AUC")):
        told = {name: entry[rate] for name, entry in changed.items() if entry.get(rate) is not None}
        if not told or plain.get(rate) is None:
            continue
        worst = min(told, key=told.__getitem__)
        sentences.append(
            f"Worst of the harmless changes for {words}: *{worst}*, {told[worst]:.3f} instead of "
            f"{plain[rate]:.3f}."
            if told[worst] < plain[rate]
            else f"No harmless change that was tried lowers {words}."
        )
    moved = {name: entry.get("mean_change") or 0 for name, entry in changed.items()}
    if any(moved.values()):
        most = max(moved, key=moved.__getitem__)
        sentences.append(
            f"*{most}* moves the answer most: P changes by {moved[most]:.3f} on average."
        )
    return sentences


def _rule_out(card: ModelCard) -> str | None:
    point = card.document["operating_points"][RULE_OUT]
    least = point.get("least_specificity_under_shifts")
    if least is None:
        return None
    return (
        f"The rule-out threshold of {point['threshold']:.3f} still misses "
        f"{1 - point['sensitivity']:.1%} of the pneumonias, and calls "
        f"{1 - point['specificity']:.1%} of the normal chests PNEUMONIA; under the worst harmless "
        f"change it calls {1 - least:.1%} of them so."
    ).replace("%", " %")


NEVER_SEEN = (
    "Adults, infants below one year and children above five.",
    "Any other hospital, its scanners, its exports and its patients.",
    "Lateral views, CT, photographs of films or of screens.",
    "Any other disease under a label of its own: tuberculosis, effusion, pneumothorax, a tumour, "
    "a foreign body. Each is called PNEUMONIA or NORMAL.",
)
"""True of the data set with `DATA_DOI`."""

_DATA_ENTRIES = """\
@misc{kermany2018data,
  author = {Kermany, Daniel and Zhang, Kang and Goldbaum, Michael},
  title  = {Labeled Optical Coherence Tomography ({OCT}) and Chest X-Ray Images for
            Classification},
  year   = {2018}, publisher = {Mendeley Data}, doi = {10.17632/rscbjbr9sj}
}

@article{kermany2018,
  author  = {Kermany, Daniel S. and Goldbaum, Michael and Cai, Wenjia and others},
  title   = {Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning},
  journal = {Cell}, year = {2018}, volume = {172}, number = {5}, pages = {1122--1131},
  doi     = {10.1016/j.cell.2018.02.010}
}

"""
_METHOD_ENTRIES = """\
@inproceedings{chollet2017,
  author    = {Chollet, Fran{\\c{c}}ois},
  title     = {Xception: Deep Learning with Depthwise Separable Convolutions},
  booktitle = {CVPR}, year = {2017}, eprint = {1610.02357}, archiveprefix = {arXiv}
}

@inproceedings{selvaraju2017,
  author    = {Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and
               Vedantam, Ramakrishna and Parikh, Devi and Batra, Dhruv},
  title     = {{Grad-CAM}: Visual Explanations from Deep Networks via Gradient-Based
               Localization},
  booktitle = {ICCV}, year = {2017}, eprint = {1610.02391}, archiveprefix = {arXiv}
}
"""


def is_kermany(card: ModelCard) -> bool:
    """Tells whether the weights were made of the data set with `DATA_DOI`."""
    return DATA_DOI in card.document.get("data", {}).get("source", "")


def write_citations(card: ModelCard) -> str:
    """Writes BibTeX entries for these weights, the data and the methods."""
    document = card.document
    version, created = document.get("version", "unknown"), document.get("created", "")
    year = f"  year    = {{{created[:4]}}},\n" if created else ""
    return (
        "@software{pneumo,\n"
        "  author  = {{The pneumo authors}},\n"
        "  title   = {pneumo: pneumonia against normal on chest radiographs of children},\n"
        f"{year}"
        f"  version = {{{version}}},\n"
        f"  note    = {{Weights with SHA-256 {card.weights_sha256}}}\n"
        "}\n\n" + (_DATA_ENTRIES if is_kermany(card) else "") + _METHOD_ENTRIES
    )
