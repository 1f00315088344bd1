"""A process that uses a cache as a mount does: `python cache_worker.py DIRECTORY MAX_SIZE SEED ROUNDS`.

Reads contents that follow from their numbers, puts those that are missing, and checks every byte. Ends with 0 after
that many rounds; with ROUNDS 0 it goes on until it is killed. Prints a line once it has read something it had put.
"""

from __future__ import annotations

import random
import sys

from cache_contents import content, key_of

from cvfs.cache.cache import Cache, Geometry
from cvfs.cache.limits import Limits, Size

GEOMETRY = Geometry(pack_limit=8 * 1024, pack=128 * 1024, block=16 * 1024)
SIZES = [0, 10, 700, 3000, 8192, 20_000, 70_000]
CONTENTS = 120


def make(number):
    return content(number, SIZES[number % len(SIZES)])


def use_small_or_whole(cache, data):
    key = key_of(data)
    found = cache.read(key, 0, len(data), size=len(data))
    assert found is None or found == data, f"wrong bytes of {key}"
    if found is None:
        cache.put(key, data)
    return found is not None


def use_in_parts(cache, data, chance):
    key = key_of(data)
    at = chance.randrange(0, len(data), GEOMETRY.block)
    wanted = data[at : at + GEOMETRY.block]
    found = cache.read(key, at, GEOMETRY.block, size=len(data))
    assert found is None or found == wanted, f"wrong bytes of {key} at {at}"
    partial = cache.partial(key, len(data))
    for start, stop in partial.missing(at, GEOMETRY.block):
        partial.write(start, data[start:stop])
    if partial.complete:
        blocks = [partial.read_block(number) for number in range(-(-len(data) // GEOMETRY.block))]
        if None not in blocks:
            assert b"".join(part for part, _ in blocks) == data, f"wrong bytes of {key}"
            partial.mark_whole([checksum for _, checksum in blocks])
    return found is not None


def main(directory, max_size, seed, rounds):
    chance = random.Random(seed)
    cache = Cache(directory, Limits(Size(max_size), Size(0)), geometry=GEOMETRY)
    said = False
    done = 0
    while done < rounds or rounds == 0:
        data = make(chance.randrange(CONTENTS))
        in_parts = len(data) > 30_000
        hit = use_in_parts(cache, data, chance) if in_parts else use_small_or_whole(cache, data)
        if hit and not said:
            print("reading", flush=True)
            said = True
        done += 1
    cache.close()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
