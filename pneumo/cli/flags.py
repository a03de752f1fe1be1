"""Flags that several commands share."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from pneumo.explaining.methods import METHODS
from pneumo.network.classifier import PRECISIONS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a command adds its parser."""


def add_output_flags(command: argparse.ArgumentParser) -> None:
    """Adds what is written, and how radiographs are scored."""
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
    add_precision_flag(command)
    add_threshold_flag(command)


def add_precision_flag(command: argparse.ArgumentParser) -> None:
    """Adds `--precision`."""
    command.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the arithmetic; bfloat16 takes a third to half of the time on processors with AMX "
        "and longer on others, moves P by a thousandth on average (see the model card) and needs "
        "OpenVINO",
    )


def add_threshold_flag(command: argparse.ArgumentParser) -> None:
    """Adds `--threshold`."""

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
