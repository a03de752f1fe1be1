"""The command line: `python -m pneumo predict | evaluate | audit`."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from pneumo import PNEUMONIA
from pneumo.dataset import index_folder, labels_of, patients_of
from pneumo.errors import PneumoError, RadiographError
from pneumo.explain import METHODS, Explainer, normalize_heatmap
from pneumo.inference import look_at, prepare, score, score_pixels
from pneumo.model import load_classifier
from pneumo.operating_point import verdict_of
from pneumo.quality import REFUSED, describe_findings, is_refused
from pneumo.radiograph import SUFFIXES, Radiograph, read_radiograph
from pneumo.report import Row, to_csv, to_json
from pneumo.shifts import LOOKS, SHIFTS


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pneumo",
        description="Pneumonia against normal on chest radiographs. Not a medical device.",
    )
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("predict", help="score radiographs")
    command.set_defaults(run=predict)
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write the rows as CSV")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    command.add_argument("--heatmaps", type=Path, metavar="DIR", help="write overlays as PNG")
    command.add_argument("--raw-maps", type=Path, metavar="DIR", help="write heatmaps as .npy")
    command.add_argument("--method", choices=METHODS, default="gradcam", help="of the heatmaps")
    _add_threshold(command)

    command = commands.add_parser("evaluate", help="measure on a labelled folder")
    command.set_defaults(run=evaluate)
    command.add_argument("folder", type=Path, metavar="DIR", help="with NORMAL and PNEUMONIA")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the metrics as JSON")
    command.add_argument(
        "--shifts",
        nargs="*",
        choices=(*SHIFTS, *LOOKS),
        metavar="NAME",
        help="also under these harmless changes, under all 19 if none is named: "
        + ", ".join((*SHIFTS, *LOOKS)).replace("%", "%%"),
    )
    _add_threshold(command)

    command = commands.add_parser("audit", help="report on a labelled folder before training")
    command.set_defaults(run=audit)
    command.add_argument("folder", type=Path, metavar="DIR", help="with NORMAL and PNEUMONIA")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    return parser.parse_args(arguments)


def _add_threshold(command: argparse.ArgumentParser) -> None:
    def share(text: str) -> float:
        value = float(text)
        if not 0 <= value <= 1:
            raise argparse.ArgumentTypeError("a threshold lies between 0 and 1")
        return value

    command.add_argument(
        "--threshold",
        type=share,
        metavar="T",
        help="least P(PNEUMONIA) called PNEUMONIA; by default the model card's operating point",
    )


def predict(args: argparse.Namespace) -> int:
    """Scores files; returns 1 if any of them was refused or failed, else 0."""
    files = list(_find_files(args.paths))
    for folder in (args.heatmaps, args.raw_maps):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    classifier = load_classifier()
    threshold = classifier.card.default.threshold if args.threshold is None else args.threshold
    save_heatmaps = _heatmap_saver(classifier, args) if args.heatmaps or args.raw_maps else None
    rows = []
    for path in _progress(files, "reading radiographs"):
        probability, verdict, findings, notes, error = None, "ERROR", "", "", ""
        try:
            radiograph = read_radiograph(path, name=str(path))
            notes = "; ".join(radiograph.notes)
            probability, found, maps = score(classifier, look_at(classifier, radiograph))
            findings = describe_findings(found)
            if is_refused(found):
                probability, verdict = None, REFUSED
                print(f"{path} is refused. {findings}", file=sys.stderr, flush=True)
            else:
                verdict = verdict_of(probability, threshold)
                print(f"{path}\t{probability:.4f}\t{verdict}\t{findings}".rstrip(), flush=True)
                if save_heatmaps:
                    save_heatmaps(path, radiograph, maps)
        except RadiographError as problem:
            error = str(problem)
            print(error, file=sys.stderr, flush=True)
        rows.append(
            Row(
                str(path),
                probability,
                verdict,
                threshold,
                findings,
                notes,
                error,
                classifier.card.weights_sha256,
            )
        )
    if args.csv:
        args.csv.write_text(to_csv(rows), encoding="utf-8", newline="")
    if args.json:
        args.json.write_text(to_json(rows), encoding="utf-8")
    return int(any(row.p_pneumonia is None for row in rows))


def evaluate(args: argparse.Namespace) -> int:
    """Measures the shipped weights on a labelled folder; returns 0."""
    from pneumo.evaluate import compare_shifted, compute_metrics, score_suite

    examples = index_folder(args.folder)
    classifier = load_classifier()
    threshold = classifier.card.default.threshold if args.threshold is None else args.threshold
    scored, scores = [], []
    for example in _progress(examples, "evaluating"):
        try:
            radiograph = read_radiograph(example.path, name=str(example.path))
        except RadiographError as problem:
            print(problem, file=sys.stderr, flush=True)
            continue
        scored.append(example)
        scores.extend(score_pixels(classifier, [radiograph.pixels]))
    if not scored:
        raise RadiographError(f"None of the {len(examples)} files in {args.folder} can be read.")
    labels, scores = labels_of(scored), np.array(scores)
    metrics = compute_metrics(labels, scores, patients_of(scored), threshold)
    metrics["unreadable"] = len(examples) - len(scored)
    metrics["weights_sha256"] = classifier.card.weights_sha256
    if args.shifts is not None:
        items = _progress(range(len(scored)), "evaluating under shifts")
        columns = score_suite(
            scored,
            lambda pictures: score_pixels(classifier, pictures),
            items,
            args.shifts or None,
        )
        metrics["shifts"] = compare_shifted(labels, columns, threshold)
    _print_json(metrics, args.json)
    return 0


def audit(args: argparse.Namespace) -> int:
    """Reports on a labelled folder; returns 0."""
    from pneumo.audit import audit_folder

    examples = index_folder(args.folder)
    report = audit_folder(
        examples, args.folder, lambda items: _progress(items, "reading radiographs")
    )
    _print_json(report, args.json)
    return 0


def _print_json(report: dict, path: Path | None) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    print(text)


def _find_files(paths: Iterable[Path]) -> Iterable[Path]:
    """Lists files as given, and the pictures below folders in order of their names."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
        if not inside:
            raise RadiographError(f"{path} holds no pictures ({', '.join(SUFFIXES)}).")
        yield from inside


def _heatmap_saver(classifier, args: argparse.Namespace):
    """Returns a function that writes the PNEUMONIA heatmap of one radiograph."""
    from pneumo.overlay import blend, encode_png, stretch_heatmap

    explainer = Explainer(classifier)
    used: set[str] = set()

    def save(path: Path, radiograph: Radiograph, maps: np.ndarray) -> None:
        image = prepare(classifier, [radiograph.pixels])
        cam = explainer.explain(args.method, image, PNEUMONIA, maps=maps)
        scaled = normalize_heatmap(cam, METHODS[args.method].percentile)
        heatmap = stretch_heatmap(scaled, radiograph.pixels.shape)
        stem, number = path.stem, 1
        while stem in used:  # files of one name from several folders
            number += 1
            stem = f"{path.stem}-{number}"
        used.add(stem)
        if args.heatmaps:
            picture = blend(radiograph.pixels, heatmap)
            (args.heatmaps / f"{stem}.png").write_bytes(encode_png(picture))
        if args.raw_maps:
            np.save(args.raw_maps / f"{stem}.npy", heatmap)

    return save


def _progress(items: list, description: str) -> Iterable:
    """Shows a bar with the time left on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    return track(items, description, console=console, disable=not console.is_terminal)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; a foreseeable failure ends in one line, not in a traceback."""
    args = parse_arguments(arguments)
    try:
        return args.run(args)
    except (PneumoError, OSError) as error:
        print(f"pneumo: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
