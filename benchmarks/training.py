"""Images per second of training: with the input pipeline, against the same step alone.

    python -m benchmarks.training [--precision mixed_bfloat16] [--image-size 299] [--rounds 5]

Both numbers come from one run and one model: blocks of steps fed by `EpochBatches` (decoded
phantoms in memory, every augmentation of the default recipe, by the cores or with --on-device by
the device itself) alternate with as many steps on one batch that lies ready. Their ratio is what
the pipeline leaves of the network's own speed. Works on every Keras backend; set KERAS_BACKEND.
"""

import argparse
import os
import time

import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--image-size", type=int, default=299)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8, help="in a block")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1))
    parser.add_argument("--processes", action="store_true", help="instead of threads")
    parser.add_argument("--on-device", action="store_true", help="the device augments")
    args = parser.parse_args()

    import keras

    from pneumo.network.lung_finder import load_finder
    from pneumo.training.batches import EpochBatches, Presentation, Processes
    from pneumo.training.epoch import train_epoch
    from pneumo.training.framing import SOURCE_SIZE, add_lungs
    from pneumo.training.network import build_optimizer, build_trainable
    from pneumo.training.on_device import with_redrawing
    from pneumo.training.phantom import draw_phantom
    from pneumo.training.recipe import RECIPES, parse_arguments

    flags = ["--data", ".", "--init", "random", "--image-size", str(args.image_size)]
    recipe = parse_arguments("", [*flags, "--batch-size", str(args.batch_size)])
    rng = np.random.default_rng(0)
    places = args.steps * args.batch_size
    labels = np.arange(places) % 2
    sources = add_lungs(
        np.stack([draw_phantom(label, rng, SOURCE_SIZE) for label in labels]),
        load_finder(recipe.finder),
    )
    keras.mixed_precision.set_global_policy(args.precision)
    model = build_trainable(recipe)

    pool = Processes(sources, args.workers) if args.processes else None

    def batches(epoch, augment):
        groups = tuple(RECIPES["robust"]["augment"]) if augment else ()
        presentation = Presentation(
            *(args.image_size, args.batch_size, 0, groups),
            balanced=True,
            view=recipe.view,
            on_device=args.on_device and augment,
        )
        return EpochBatches(sources, labels, presentation, epoch, workers=args.workers, pool=pool)

    def compiled(network):
        network.compile(build_optimizer(recipe, 100), "categorical_crossentropy")
        return network

    ready = [batches(0, augment=False)[0]] * args.steps
    redrawing = compiled(model)
    if args.on_device:
        sample, _ = batches(0, augment=True)[0]
        redrawing = compiled(with_redrawing(model, sample, recipe.view))

    def images_per_second(data):
        started = time.perf_counter()
        train_epoch(model if data is ready else redrawing, data)
        return places / (time.perf_counter() - started)

    for data in (ready, batches(0, augment=True)):  # compile
        images_per_second(data)
    rows = [
        (images_per_second(ready), images_per_second(batches(number, augment=True)))
        for number in range(args.rounds)
    ]
    if pool:
        pool.close()
    alone, piped = np.median(rows, axis=0)
    ratios = np.array([row[1] / row[0] for row in rows])
    ways = f"{args.workers} augmenting {'processes' if args.processes else 'threads'}"
    print(
        f"Keras on {keras.backend.backend()}, {args.precision}, {args.image_size} px, batch "
        f"{args.batch_size}, {os.cpu_count()} cores, "
        f"{'augmenting on the device' if args.on_device else ways}"
    )
    print(f"step alone            {alone:8.1f} images/s")
    print(f"with input pipeline   {piped:8.1f} images/s")
    print(
        f"pipeline / alone      {np.median(ratios):8.3f}   "
        f"({ratios.min():.3f} to {ratios.max():.3f} in {args.rounds} rounds)"
    )


if __name__ == "__main__":
    main()
