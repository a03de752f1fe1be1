"""The command line: `python -m pneumo predict | dicomweb | evaluate | audit | export`."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import numpy as np

from pneumo import __version__
from pneumo.cli.dicomweb import AUTHORIZATION, DicomArchive
from pneumo.cli.outputs import Outputs, Scored
from pneumo.cli.scoring import (
    HeatmapSaver,
    Keep,
    RemoteFile,
    Scorer,
    keep_in,
    leave_out,
    predict_files,
)
from pneumo.cli.stopping import heed_signals
from pneumo.cli.terminal import complain, give_up_closed_pipes, show_progress
from pneumo.cli.writable import check_apart, check_folder, check_output, write_whole
from pneumo.dataset.examples import Example, index_folder, labels_of, patients_of
from pneumo.dataset.patients import add_patient_flags, describe_patients, rule_of
from pneumo.errors import OutputError, PneumoError, RadiographError
from pneumo.evaluation.robustness import LOOKS, RESTS, SHIFTS, SURROUNDINGS
from pneumo.explaining.methods import METHODS
from pneumo.export.dicom_objects import require_highdicom
from pneumo.files import JsonObject
from pneumo.inference import load_engine, score_pixels
from pneumo.network.classifier import PRECISIONS, load_classifier
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.progress import follow
from pneumo.reading.dicom import RADIOGRAPHY
from pneumo.reading.folders import find_files
from pneumo.reading.radiograph import read_radiograph

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
CLOSED_PIPE = 141
"""Exit status when nobody reads the output any more: that of a program ended by SIGPIPE."""


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="pneumo" if Path(sys.argv[0]).stem == "pneumo" else "python -m pneumo",
        description="Pneumonia against normal on chest radiographs. Not a medical device.",
    )
    commands = parser.add_subparsers(required=True)
    for add in (_add_predict, _add_dicomweb, _add_evaluate, _add_audit, _add_export):
        add(commands)
    return parser


_STATUS = (
    "Exit status: 0; 1 if a file was refused or could not be read; 2 if nothing could be done or "
    "an output not be written; 130 after SIGINT (Ctrl-C) and 143 after SIGTERM, which let the file "
    "at hand be finished and the outputs be written; 141 if nobody reads the printed lines any "
    "more."
)


def _add_predict(commands: _Commands) -> None:
    command = commands.add_parser(
        "predict",
        help="score radiographs",
        description="Scores radiographs and prints a line for each: path, P(PNEUMONIA), verdict, "
        "and what speaks against it. Rows are in the CSV file as soon as they are known.",
        epilog=_STATUS,
    )
    command.set_defaults(run=predict)
    command.add_argument(
        "paths", nargs="+", metavar="PATH", help="file, folder or a disc's DICOMDIR"
    )
    command.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: by many processes, here or on a cluster; PATH may be an address such as "
        "s3://bucket/folder, and rows go to --parquet, a folder or such an address (needs "
        "pneumo[scale])",
    )
    command.add_argument("--address", metavar="HOST:PORT", help="of a Ray cluster; else one here")
    command.add_argument("--workers", type=int, metavar="N", help="of Ray; else one a processor")
    _add_outputs(command)


def _add_dicomweb(commands: _Commands) -> None:
    command = commands.add_parser(
        "dicomweb",
        help="score the radiographs of an archive",
        description="Searches an archive over DICOMweb for radiographs, fetches one after the "
        "other and scores it as `predict` does; nothing of them is written to the disk but what "
        f"is asked for. If the archive asks who you are, put the header's value into "
        f"{AUTHORIZATION}.",
        epilog=_STATUS,
    )
    command.set_defaults(run=score_archive)
    command.add_argument("url", metavar="URL", help="such as http://host:8042/dicom-web")
    command.add_argument("--study", default="", metavar="UID", help="of this study only")
    command.add_argument(
        "--date",
        default="",
        metavar="DAY[-DAY]",
        help="of studies of this day or these days, such as 20260101-20260131",
    )
    command.add_argument(
        "--modality",
        nargs="+",
        default=RADIOGRAPHY,
        metavar="NAME",
        help=f"of series of these, by default {', '.join(RADIOGRAPHY)}; after URL",
    )
    command.add_argument(
        "--store",
        action="store_true",
        help="store overlay and report in the archive, in the radiograph's study",
    )
    _add_outputs(command)


def _add_outputs(command: argparse.ArgumentParser) -> None:
    command.add_argument("--csv", type=Path, metavar="FILE", help="write the rows as CSV")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    command.add_argument("--parquet", metavar="FILE", help="write the rows as Parquet")
    command.add_argument("--heatmaps", type=Path, metavar="DIR", help="write overlays as PNG")
    command.add_argument("--raw-maps", type=Path, metavar="DIR", help="write heatmaps as .npy")
    command.add_argument(
        "--dicom",
        type=Path,
        metavar="DIR",
        help="of DICOM files, write overlay and report as DICOM objects of the same study, with "
        "its patient's name (needs pneumo[dicom])",
    )
    command.add_argument(
        "--method", choices=METHODS, default="gradcam", help="of the heatmaps, by default gradcam"
    )
    command.add_argument(
        "--stability",
        action="store_true",
        help="also try ten small changes of each radiograph; a verdict that they alter is "
        "uncertain (about ten times as long)",
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with the unfinished run of these files",
    )
    _add_precision(command)
    _add_threshold(command)


def _add_evaluate(commands: _Commands) -> None:
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
    _add_precision(command)
    _add_threshold(command)


def _add_audit(commands: _Commands) -> None:
    command = commands.add_parser("audit", help="report on a labelled folder before training")
    command.set_defaults(run=audit)
    command.add_argument("folder", type=Path, metavar="DIR", help="with NORMAL and PNEUMONIA")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add_patient_flags(command)


def _add_export(commands: _Commands) -> None:
    command = commands.add_parser(
        "export",
        help="write the network for another runtime",
        description="Writes the classifier as a file for another runtime, reads it back and "
        "compares its answers. The file takes the lung field as 299 x 299 x 3 numbers in [-1, 1]; "
        "finding the lungs is not in it.",
    )
    command.set_defaults(run=export)
    command.add_argument("file", type=Path, metavar="FILE", help="ends as its format does")
    command.add_argument(
        "--format",
        choices=("onnx", "openvino", "litert"),
        default="onnx",
        help="onnx (.onnx, the default), openvino (.xml) or litert (.tflite)",
    )


def _add_precision(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the arithmetic; bfloat16 takes a third to half of the time where processors "
        "have it, moves P by a thousandth on average (see the model card) and needs OpenVINO",
    )


def _add_threshold(command: argparse.ArgumentParser) -> None:
    def share(text: str) -> float:
        with suppress(ValueError):  # of what is no number
            if 0 <= float(text) <= 1:
                return float(text)
        raise argparse.ArgumentTypeError(f"a threshold lies between 0 and 1, received {text!r}")

    command.add_argument(
        "--threshold",
        type=share,
        metavar="T",
        help="least P(PNEUMONIA) called PNEUMONIA; by default the model card's operating point",
    )


def predict(args: argparse.Namespace) -> int:
    """Scores files; returns 1 if any of them was refused or failed, else 0."""
    if args.engine == "ray":
        return _predict_on_ray(args)
    for option in ("address", "workers"):
        if getattr(args, option) is not None:
            raise OutputError(f"--{option} is for --engine ray.")
    given = tuple(map(Path, args.paths))
    files = leave_out(find_files(given), args.heatmaps, args.dicom, given)
    _check_apart(args, files)
    return _score(args, files, {"paths": args.paths}, given)


def _predict_on_ray(args: argparse.Namespace) -> int:
    """Scores files on Ray; what a cluster does not write is refused."""
    from pneumo.cli.cluster import predict_on_ray

    for option in ("csv", "json", "heatmaps", "raw_maps", "dicom"):
        if getattr(args, option) is not None:
            name = option.replace("_", "-")
            raise OutputError(f"--{name} is not written by --engine ray, but --parquet is.")
    if not args.parquet:
        raise OutputError("--engine ray needs --parquet, a folder for the rows.")
    if args.workers is not None and args.workers < 1:
        raise OutputError(f"--workers is at least 1, received {args.workers}.")
    return predict_on_ray(
        args.paths,
        args.parquet,
        address=args.address,
        workers=args.workers,
        threshold=args.threshold,
        stability=args.stability,
        precision=args.precision,
        resume=args.resume,
    )


def _check_apart(args: argparse.Namespace, files: Sequence[Path]) -> None:
    args.parquet = args.parquet and Path(args.parquet)
    outputs = {"--csv": args.csv, "--json": args.json, "--parquet": args.parquet}
    check_apart(outputs, args.heatmaps, files)


def score_archive(args: argparse.Namespace) -> int:
    """Scores the radiographs of an archive; returns as `predict`."""
    if args.store:
        require_highdicom()
    _check_apart(args, [])
    asked = {name: getattr(args, name) for name in ("url", "study", "date", "modality", "store")}
    with DicomArchive(args.url) as archive:
        files = archive.find(args.modality, args.study, args.date)
        return _score(args, files, asked, (), [archive.keep] if args.store else [])


def _score(
    args: argparse.Namespace,
    files: Sequence[Path | RemoteFile],
    source: JsonObject,
    given: tuple[Path, ...],
    keep: Sequence[Keep] = (),
) -> int:
    """Scores files and writes what is asked for.

    Args:
        args: Of the command line.
        files: To be scored.
        source: Where they come from, as the settings of the run have it.
        given: See `Scorer`.
        keep: What else keeps the DICOM objects.
    """
    check_output(args.csv, "--csv")
    check_output(args.json, "--json")
    check_output(args.parquet, "--parquet")
    check_folder(args.heatmaps, "--heatmaps")
    check_folder(args.raw_maps, "--raw-maps")
    check_folder(args.dicom, "--dicom")
    if args.dicom:
        require_highdicom()
    outputs = Outputs(args.csv, args.json, args.parquet)
    if args.resume and not outputs.resumable:
        raise OutputError(
            "--resume needs the --csv, --json or --parquet file of the run to go on with."
        )
    engine = load_engine(precision=args.precision)
    card = engine.classifier.card
    threshold = card.default.threshold if args.threshold is None else args.threshold
    done = _take_up(outputs, args, source, threshold, card.weights_sha256)
    saver = None
    keep = [*keep, *([keep_in(args.dicom)] if args.dicom else [])]
    if args.heatmaps or args.raw_maps or keep:
        used = [entry.stem for entry in done]
        saver = HeatmapSaver(
            engine, args.method, args.heatmaps, args.raw_maps, keep=keep, used=used
        )
    scorer = Scorer(engine, threshold, args.stability, saver, given)
    with show_progress("reading radiographs", len(files) - len(done)) as progress:
        return predict_files(files, scorer, outputs, args.stop, done=done, progress=progress)


def _take_up(
    outputs: Outputs,
    args: argparse.Namespace,
    source: JsonObject,
    threshold: float,
    weights_sha256: str,
) -> list[Scored]:
    """Returns what an unfinished run has done and still holds, and says so."""
    settings = {
        "version": __version__,
        **source,
        "threshold": threshold,
        "weights_sha256": weights_sha256,
        "stability": args.stability,
        "precision": args.precision,
        "method": args.method,
        "heatmaps": args.heatmaps and str(args.heatmaps),
        "raw_maps": args.raw_maps and str(args.raw_maps),
        "dicom": args.dicom and str(args.dicom),
    }
    done = outputs.begin(settings, args.resume)
    if done is not None:
        complain(f"pneumo: {len(done)} files are done already; going on with the others.")
    elif args.resume:
        complain(f"pneumo: nothing unfinished beside {outputs}; beginning with the first file.")
    return done or []


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
                follow(range(len(scored)), progress),
                [args.shifts or None] * len(scored),
                classifier.find,
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


def export(args: argparse.Namespace) -> int:
    """Writes the shipped classifier for another runtime; returns 0."""
    from pneumo.network.exporting import export_classifier

    check_output(args.file, "FILE")
    most = export_classifier(load_classifier(), WEIGHTS_FOLDER, args.format, args.file)
    print(f"wrote {args.file}; answers differ by {most:.1e} at most")
    return 0


def _print_json(report: JsonObject, path: Path | None) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "backslashreplace").decode()  # a file name may be no UTF-8
    if path:
        write_whole(path, text + "\n")
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; a foreseeable failure ends in one line, not in a traceback."""
    args = build_parser().parse_args(arguments)
    try:
        with heed_signals() as stop:
            args.stop = stop
            try:
                status: int = args.run(args)
                return status
            except KeyboardInterrupt:
                complain("pneumo: interrupted.")
                return stop.status
            except BrokenPipeError:
                raise
            except (PneumoError, OSError) as error:
                complain(f"pneumo: {error}")
                return 2
    except BrokenPipeError:  # `| head` has seen enough, as every tool in a pipe it ends quietly
        give_up_closed_pipes()
        return CLOSED_PIPE


if __name__ == "__main__":
    sys.exit(main())
