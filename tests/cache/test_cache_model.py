"""Whatever is done to a cache in whatever order: bytes are right or missing, and missing only for a reason."""

from __future__ import annotations

import glob
import os
import tempfile

from cache_contents import content, key_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cvfs.cache.cache import Cache, Geometry
from cvfs.cache.limits import Limits, Size

BLOCK = 512
GEOMETRY = Geometry(pack_limit=600, pack=4000, block=BLOCK)
CONTENTS = [content(number, size) for number, size in enumerate((0, 1, 500, 600, 601, 1024, 3000, 5 * BLOCK, 9_999))]
LARGE = [data for data in CONTENTS if len(data) > 600]
LIMIT = 200_000


class CacheMachine(RuleBasedStateMachine):
    """Two processes on one directory, against a dictionary of what must be there."""

    @initialize(limited=st.booleans())
    def open(self, limited):
        self.directory = tempfile.TemporaryDirectory(prefix="cvfs-model-")
        self.limits = Limits(Size(LIMIT) if limited else None, Size(0))
        self.caches = [self.make(), self.make()]
        #: For each content the blocks that were added and that nothing has taken away since.
        self.present: dict[int, set[int]] = {}
        #: The contents all of whose blocks may be here without anybody having verified them together.
        self.unverified: set[int] = set()

    def make(self):
        return Cache(self.directory.name, self.limits, geometry=GEOMETRY)

    def teardown(self):
        for cache in getattr(self, "caches", []):
            cache.close()
        if hasattr(self, "directory"):
            self.directory.cleanup()

    @rule(who=st.integers(0, 1), number=st.integers(0, len(CONTENTS) - 1))
    def put(self, who, number):
        data = CONTENTS[number]
        assert self.caches[who].put(key_of(data), data)
        self.caches[who].flush()
        self.present[number] = set(range(len(data) // BLOCK + 1))
        self.unverified.discard(number)

    @rule(who=st.integers(0, 1), number=st.integers(0, len(LARGE) - 1), data=st.data())
    def fill(self, who, number, data):
        number += len(CONTENTS) - len(LARGE)
        whole = CONTENTS[number]
        last = -(-len(whole) // BLOCK)
        first = data.draw(st.integers(0, last - 1))
        stop = data.draw(st.integers(first + 1, last))
        partial = self.caches[who].partial(key_of(whole), len(whole))
        partial.write(first * BLOCK, whole[first * BLOCK : stop * BLOCK])
        self.present.setdefault(number, set()).update(range(first, stop))
        if self.caches[who].state(key_of(whole)) != "whole":
            self.unverified.add(number)
        assert partial.missing(first * BLOCK, (stop - first) * BLOCK) == []

    @rule(who=st.integers(0, 1), number=st.integers(0, len(LARGE) - 1))
    def finish(self, who, number):
        whole = LARGE[number]
        partial = self.caches[who].partial(key_of(whole), len(whole))
        if partial.complete:
            blocks = [partial.read_block(block) for block in range(-(-len(whole) // BLOCK))]
            if None in blocks:
                # Found damaged just now: a block that was never given out again.
                assert not partial.complete
                return
            assert b"".join(data for data, _ in blocks) == whole
            assert partial.mark_whole([checksum for _, checksum in blocks])
            assert self.caches[who].state(key_of(whole)) == "whole"
            self.unverified.discard(number + len(CONTENTS) - len(LARGE))

    @rule(
        who=st.integers(0, 1),
        number=st.integers(0, len(CONTENTS) - 1),
        offset=st.integers(0, 12_000),
        length=st.integers(0, 12_000),
    )
    def read(self, who, number, offset, length):
        whole = CONTENTS[number]
        found = self.caches[who].read(key_of(whole), offset, length, size=len(whole))
        wanted = whole[offset : offset + length]
        assert found is None or found == wanted
        touched = set(range(offset // BLOCK, -(-(offset + len(wanted)) // BLOCK))) if wanted else set()
        if number in self.present and touched <= self.present[number]:
            complete = self.present[number] >= set(range(-(-len(whole) // BLOCK)))
            assert found == (None if complete and number in self.unverified else wanted)

    @rule(who=st.integers(0, 1), number=st.integers(0, len(LARGE) - 1))
    def drop(self, who, number):
        self.caches[who].partial(key_of(LARGE[number]), len(LARGE[number])).drop()
        self.present.pop(number + len(CONTENTS) - len(LARGE), None)

    @rule(who=st.integers(0, 1))
    def evict(self, who):
        self.caches[who]._space.evict(5_000)
        self.present.clear()

    @rule(who=st.integers(0, 1))
    def tidy(self, who):
        for path in glob.glob(f"{self.directory.name}/v1/tidied"):
            os.unlink(path)
        self.caches[who]._space.tidy()

    @rule(who=st.integers(0, 1))
    def reopen(self, who):
        self.caches[who].close()
        self.caches[who] = self.make()

    @precondition(lambda self: self.present)
    @rule(
        kind=st.sampled_from(["index-?.sqlite", "packs/*", "objects/*/*"]),
        which=st.integers(0, 20),
        where=st.integers(0, 100_000),
        junk=st.binary(min_size=1, max_size=40),
    )
    def damage(self, kind, which, where, junk):
        paths = sorted(glob.glob(f"{self.directory.name}/v1/{kind}"))
        if paths:
            path = paths[which % len(paths)]
            with open(path, "r+b") as file:
                file.seek(where % max(os.path.getsize(path), 1))
                file.write(junk)
        # Whoever has it open may go on with what was checked already: this is about what is looked at afresh.
        self.reopen(0)
        self.reopen(1)
        self.present.clear()

    @invariant()
    def limited(self):
        if getattr(self, "limits", None) and self.limits.max_size:
            assert self.caches[0].usage().bytes <= LIMIT


CacheMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestCacheModel = CacheMachine.TestCase
