"""What will be read next of a large content: sequential streams, found in reads that come out of order.

Kept by content, not by open file: the kernel's own read-ahead mixes up the reads of one file, and several programs may
be at different places in it. Pure: no I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How far from where a stream ends a read may be and still belong to it: the kernel has a few requests of up to 1 MiB
#: under way at once and they arrive in any order.
_SLACK = 2 * 1024 * 1024
#: Ahead of a stream at first: two blocks, so that a program which reads a file's head costs little more than that.
_LEAST = 512 * 1024
#: And at most: eight requests of 8 MiB at work, which fills a fast line over long distances.
_MOST = 64 * 1024 * 1024
_STREAMS = 16


@dataclass(slots=True)
class _Stream:
    begin: int
    end: int
    ahead: int


class ReadAhead:
    """The streams in one content of ``size`` bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._streams: list[_Stream] = []

    def note(self, offset: int, length: int) -> tuple[int, int] | None:
        """Take in one read, and say which bytes should be on their way because of it: (start, stop), or None.

        Ahead of a stream lies as much as has been read of it (within bounds), so what is fetched in vain is never much
        more than what was wanted.
        """
        end = min(offset + length, self._size)
        stream = self._stream_of(offset)
        if stream is None:
            self._streams = [_Stream(offset, end, end), *self._streams[: _STREAMS - 1]]
            return None
        self._streams.remove(stream)
        self._streams.insert(0, stream)
        if end <= stream.end:
            return None
        stream.end = end
        stream.ahead = max(stream.ahead, end)
        window = min(max(stream.end - stream.begin, _LEAST), _MOST)
        stop = min(end + window, self._size)
        # Asked for in halves of the window: each request is then as large as it may be.
        if stream.ahead - end > window // 2 or stop <= stream.ahead:
            return None
        start, stream.ahead = stream.ahead, stop
        return start, stop

    def _stream_of(self, offset: int) -> _Stream | None:
        near = [stream for stream in self._streams if abs(offset - stream.end) <= _SLACK]
        return min(near, key=lambda stream: abs(offset - stream.end), default=None)
