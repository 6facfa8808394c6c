"""What a cluster costs beside local processes, and what many workers make of all images of MIMIC-CXR-JPG.

Shards that only wait are mapped by local processes and by a Dask cluster of this machine, the same number of workers
each; start and end of both are shown apart. Then a picture of the usual size is decoded, and 377,110 of them are
simulated on 1 to 64 workers, with the measured costs: a picture on a worker, and a shard in the command, which hands
out all of them. No measurement of ours has seen more than one machine.

    python benchmarks/cluster.py [--shards 1000] [--seconds 0.1] [--workers 2]
    python benchmarks/cluster.py --smoke        as little as shows that it runs
"""

from __future__ import annotations

import argparse
import heapq
import io
import os
import time
from collections import deque

import numpy as np
from PIL import Image

from ehrxqa.runs.cluster import named_cluster
from ehrxqa.runs.shards import shard_pool

IMAGES = 377_110
#: Width and height of a usual picture, and its images in a shard, where each is asked eight questions.
PIXELS = (2544, 3056)
IMAGES_OF_A_SHARD = 8
#: Seconds of a model for all questions about an image, beside decoding it.
MODELS = {"decoding alone": 0.0, "a small network": 0.1, "a language-and-vision model": 2.0}
WORKERS = (1, 2, 4, 8, 16, 32, 64)
#: As in `runs.dask_pool`.
EACH, LEAST = 4, 8


def mapped(workers: int, shards: int, seconds: float, cluster: str | None) -> tuple[float, float, float]:
    """Seconds of the map, of all around it, and of the processor in this process for the map."""
    started = time.perf_counter()
    with shard_pool(workers, None if cluster is None else named_cluster(cluster)) as pool:
        list(pool.map(time.sleep, [0.0] * workers * 2))  # workers are there
        began, used = time.perf_counter(), time.process_time()
        list(pool.map(time.sleep, [seconds] * shards))
        took, used = time.perf_counter() - began, time.process_time() - used
    return took, time.perf_counter() - started - took, used


def image_seconds(times: int) -> float:
    """To read a picture as a model does: decoded, grey, made small."""
    noise = np.random.default_rng(0).normal(128, 30, (PIXELS[1] // 16, PIXELS[0] // 16)).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize(PIXELS, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=95)
    taken = []
    for _ in range(times):
        started = time.process_time()
        with Image.open(io.BytesIO(stream.getvalue())) as picture:
            picture.convert("L").resize((512, 512), Image.Resampling.BILINEAR).tobytes()
        taken.append(time.process_time() - started)
    return min(taken)


def simulated(images: int, workers: int, of_image: float, of_shard: float) -> float:
    """Hours for all images: workers take shards from the window that is sent out, results are taken in order.

    Shards differ in length as much as pictures and questions do (a third, by a fixed seed).
    """
    rng = np.random.default_rng(1)
    lengths = rng.gamma(9.0, IMAGES_OF_A_SHARD * of_image / 9.0, -(-images // IMAGES_OF_A_SHARD))
    free = [0.0] * workers
    sent: deque[float] = deque()
    window, now = max(LEAST, EACH * workers), 0.0
    for length in lengths:
        if len(sent) == window:
            now = max(now, sent.popleft())
        now += of_shard  # the command sends one, and takes another's result
        end = max(now, heapq.heappop(free)) + length
        heapq.heappush(free, end)
        sent.append(end)
    return max(free) / 3600


def main() -> None:
    """Measure, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a shard")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--smoke", action="store_true", help="as little as shows that it runs")
    given = parser.parse_args()
    images = IMAGES
    if given.smoke:
        given.shards, given.seconds, given.workers, images = 6, 0.01, 1, 1_000
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; {given.workers} workers")
    floor = given.shards * given.seconds / given.workers
    print(f"{given.shards:,} shards of {given.seconds:g} s   floor {floor:8.2f} s")
    local, around, _ = mapped(given.workers + (given.workers == 1), given.shards, given.seconds, None)
    local *= (given.workers + (given.workers == 1)) / given.workers  # one process would be this one
    print(f"local processes       {local:8.2f} s   {local / floor:5.2f} × floor; start and end {around:.1f} s")
    there, around, used = mapped(given.workers, given.shards, given.seconds, "local")
    print(f"cluster               {there:8.2f} s   {there / floor:5.2f} × floor; start and end {around:.1f} s")
    of_shard = used / given.shards
    print(
        f"overhead              {100 * (there / local - 1):8.1f} % of local; "
        f"the command {1000 * of_shard:.2f} ms CPU a shard"
    )
    decoding = image_seconds(2 if given.smoke else 5)
    print(f"\nsimulated: {images:,} images, {IMAGES_OF_A_SHARD} a shard, {1000 * decoding:.0f} ms to decode one")
    print(f"{'hours on … workers':30}" + "".join(f"{workers:>9}" for workers in WORKERS) + "   at 64, of ideal")
    for name, seconds in MODELS.items():
        hours = [simulated(images, workers, decoding + seconds, of_shard) for workers in WORKERS]
        line = "".join(f"{each:9.2f}" for each in hours)
        print(f"{name:30}{line}   {100 * hours[0] / (WORKERS[-1] * hours[-1]):.0f} %")


if __name__ == "__main__":
    main()
