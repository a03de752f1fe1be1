"""One accelerator or all of them."""

import keras

from pneumo.errors import TrainingError


def use_devices(wanted: str, batch_size: int) -> int:
    """Spreads every batch over all devices, if wanted; call it before the model is built.

    Args:
        wanted: `one` or `all`.
        batch_size: Of the whole batch; each device gets an equal part.

    Returns:
        The number of devices in use.

    Raises:
        TrainingError: Keras distributes on JAX only, or the batch cannot be divided equally.
    """
    if wanted == "one":
        return 1
    if keras.backend.backend() != "jax":
        raise TrainingError(
            "--devices all is data-parallel through keras.distribution, which needs JAX; Keras "
            f"runs on {keras.backend.backend()}. Set KERAS_BACKEND=jax."
        )
    devices = keras.distribution.list_devices()
    if batch_size % len(devices):
        raise TrainingError(
            f"--batch-size {batch_size} cannot be divided equally among {len(devices)} devices."
        )
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    return len(devices)
