"""The commands `predict` and `dicomweb`: radiographs from files or an archive to rows."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pneumo import __version__
from pneumo.cli.dicomweb import AUTHORIZATION, DicomArchive
from pneumo.cli.file_by_file import predict_files
from pneumo.cli.flags import Commands, add_output_flags
from pneumo.cli.heatmaps import HeatmapSaver, Keep, keep_in, leave_out
from pneumo.cli.outputs import Outputs, Scored
from pneumo.cli.scoring import RemoteFile, Scorer
from pneumo.cli.terminal import complain, show_progress
from pneumo.cli.writable import check_apart, check_folder, check_output
from pneumo.errors import OutputError
from pneumo.export.dicom_objects import require_highdicom
from pneumo.files import JsonObject
from pneumo.inference import load_engine
from pneumo.reading.dicom import RADIOGRAPHY
from pneumo.reading.folders import find_files

_STATUS = (
    "Exit status: 0; 1 if a file was refused or could not be read; 2 if nothing could be done or "
    "an output could not be written; 130 after SIGINT (Ctrl-C) and 143 after SIGTERM, which let "
    "the file at hand be finished and the outputs be written; 141 if nobody reads the printed "
    "lines any more."
)


def add_predict(commands: Commands) -> None:
    """Adds the command `predict`."""
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
    command.add_argument(
        "--address", metavar="HOST:PORT", help="Ray cluster to use; by default one is started here"
    )
    command.add_argument(
        "--workers", type=int, metavar="N", help="processes of Ray; by default one per processor"
    )
    add_output_flags(command)


def add_dicomweb(commands: Commands) -> None:
    """Adds the command `dicomweb`."""
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
    add_output_flags(command)


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
