"""The command line: `python -m pneumo predict | dicomweb | evaluate | audit | export`."""

import argparse
import sys
from pathlib import Path

from pneumo.cli.flags import Commands
from pneumo.cli.measure import add_audit, add_evaluate
from pneumo.cli.predict import add_dicomweb, add_predict
from pneumo.cli.stopping import heed_signals
from pneumo.cli.terminal import complain, give_up_closed_pipes
from pneumo.cli.writable import check_output
from pneumo.errors import PneumoError
from pneumo.network.classifier import load_classifier
from pneumo.network.weights_files import WEIGHTS_FOLDER

CLOSED_PIPE = 141
"""Exit status when nobody reads the output any more: that of a program ended by SIGPIPE."""


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="pneumo" if Path(sys.argv[0]).stem == "pneumo" else "python -m pneumo",
        description="Pneumonia against normal on chest radiographs. Not a medical device.",
    )
    commands = parser.add_subparsers(required=True)
    for add in (add_predict, add_dicomweb, add_evaluate, add_audit, _add_export):
        add(commands)
    return parser


def _add_export(commands: Commands) -> None:
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


def export(args: argparse.Namespace) -> int:
    """Writes the shipped classifier for another runtime; returns 0."""
    from pneumo.network.exporting import export_classifier

    check_output(args.file, "FILE")
    most = export_classifier(load_classifier(), WEIGHTS_FOLDER, args.format, args.file)
    print(f"wrote {args.file}; answers differ by {most:.1e} at most")
    return 0


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
