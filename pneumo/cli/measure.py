"""The commands `evaluate` and `audit`: a labelled folder to a report."""

import argparse
import json
from pathlib import Path

import numpy as np

from pneumo.cli.flags import Commands, add_precision_flag, add_threshold_flag
from pneumo.cli.terminal import complain, show_progress
from pneumo.cli.writable import check_output, write_whole
from pneumo.dataset.examples import Example, index_folder, labels_of, patients_of
from pneumo.dataset.patients import add_patient_flags, describe_patients, rule_of
from pneumo.errors import RadiographError
from pneumo.evaluation.robustness import LOOKS, RESTS, SHIFTS, SURROUNDINGS
from pneumo.files import JsonObject
from pneumo.inference import score_pixels
from pneumo.network.classifier import load_classifier
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.progress import follow
from pneumo.reading.radiograph import read_radiograph


def add_evaluate(commands: Commands) -> None:
    """Adds the command `evaluate`."""
    variants = *SHIFTS, *LOOKS, *SURROUNDINGS, *RESTS
    command = commands.add_parser("evaluate", help="measure on a labelled folder")
    command.set_defaults(run=evaluate)
    command.add_argument("folder", type=Path, metavar="DIR", help="with NORMAL and PNEUMONIA")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the metrics as JSON")
    command.add_argument(
        "--shifts",
        nargs="*",
        choices=variants,
        metavar="NAME",
        help="also under these changes, under all if none is named (in quotes, and after DIR). "
        "Harmless: "
        + ", ".join((*SHIFTS, *LOOKS, *SURROUNDINGS)).replace("%", "%%")
        + ". To see what answers rest on: "
        + ", ".join(RESTS),
    )
    add_patient_flags(command)
    add_precision_flag(command)
    add_threshold_flag(command)


def add_audit(commands: Commands) -> None:
    """Adds the command `audit`."""
    command = commands.add_parser("audit", help="report on a labelled folder before training")
    command.set_defaults(run=audit)
    command.add_argument("folder", type=Path, metavar="DIR", help="with NORMAL and PNEUMONIA")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add_patient_flags(command)


def evaluate(args: argparse.Namespace) -> int:
    """Measures the shipped weights on a labelled folder; returns 0."""
    from pneumo.evaluation.metrics import compare_shifted, compute_metrics, score_suite

    examples = index_folder(args.folder, rule_of(args))
    check_output(args.json, "--json")
    classifier = load_classifier(precision=args.precision)
    threshold = classifier.card.default.threshold if args.threshold is None else args.threshold
    scored: list[Example] = []
    answers: list[float] = []
    with show_progress("evaluating", len(examples)) as progress:
        for example in follow(examples, progress):
            try:
                radiograph = read_radiograph(example.path, name=str(example.path))
            except RadiographError as problem:
                complain(str(problem))
                continue
            scored.append(example)
            if args.shifts is None:  # else they are answered with their variants, below
                answers.extend(score_pixels(classifier, [radiograph.pixels]))
    if not scored:
        raise RadiographError(f"None of the {len(examples)} files in {args.folder} can be read.")
    columns: dict[str, np.ndarray] = {}
    if args.shifts is not None:
        with show_progress("evaluating under shifts", len(scored)) as progress:
            columns = score_suite(
                scored,
                lambda pictures: score_pixels(classifier, pictures),
                [args.shifts or None] * len(scored),
                classifier.find,
                progress,
            )
    labels, scores = labels_of(scored), columns.get("none", np.array(answers))
    metrics = compute_metrics(labels, scores, patients_of(scored), threshold)
    metrics["patients_by"] = describe_patients([example.by for example in scored])
    metrics["unreadable"] = len(examples) - len(scored)
    metrics["weights_sha256"] = classifier.card.weights_sha256
    metrics["precision"] = classifier.precision
    if columns:
        rests = {name: columns.pop(name) for name in RESTS if name in columns}
        metrics["shifts"] = compare_shifted(labels, columns, threshold)
        if rests:
            rests = {"none": columns["none"], **rests}
            metrics["rests_on"] = compare_shifted(labels, rests, threshold)
    _print_json(metrics, args.json)
    return 0


def audit(args: argparse.Namespace) -> int:
    """Reports on a labelled folder; returns 0."""
    from pneumo.evaluation.audit import audit_folder
    from pneumo.network.classifier import load_finder
    from pneumo.network.lung_finder import FINDER_NAME

    examples = index_folder(args.folder, rule_of(args))
    check_output(args.json, "--json")
    find = load_finder(WEIGHTS_FOLDER / FINDER_NAME)
    with show_progress("reading radiographs", len(examples)) as progress:
        report = audit_folder(examples, args.folder, progress, find)
    _print_json(report, args.json)
    return 0


def _print_json(report: JsonObject, path: Path | None) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "backslashreplace").decode()  # a file name may be no UTF-8
    if path:
        write_whole(path, text + "\n")
    print(text, flush=True)
