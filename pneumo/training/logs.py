"""The history of a run as files that other tools read."""

import csv
from pathlib import Path

from pneumo.files import JsonObject, atomic_write

CSV_NAME = "history.csv"
TENSORBOARD_FOLDER = "tensorboard"


def write_logs(folder: Path, history: list[JsonObject]) -> None:
    """Writes the history so far as CSV, and its last epoch for TensorBoard if that is installed.

    Args:
        folder: Of the run.
        history: One entry an epoch, all with the same keys, `epoch` among them.
    """
    with (
        atomic_write(folder / CSV_NAME) as draft,
        draft.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(history[-1]))
        writer.writeheader()
        writer.writerows(history)
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return
    epoch = history[-1]["epoch"]
    # What an interrupted run has written from this epoch on is superseded.
    with SummaryWriter(str(folder / TENSORBOARD_FOLDER), purge_step=epoch) as writer:
        for name, value in history[-1].items():
            if name != "epoch" and value is not None:
                writer.add_scalar(name, value, epoch)
