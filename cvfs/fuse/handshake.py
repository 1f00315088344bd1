"""Answer the kernel's first request with our own limits, and give libfuse the connection afterwards.

The kernel lets only as many read-aheads wait as the answer to FUSE_INIT says (``max_background``, 12 if it says
nothing), and then stops all buffered reads of the mount: twelve stalled downloads would stop all reads.
pyfuse3 has no way to set it, and the files below ``/sys/fs/fuse/connections`` often are not there or not writable. So
libfuse first talks to a socket: it answers FUSE_INIT there, the limits are put into its answer, and then the socket's
descriptor becomes the FUSE connection itself.

Formats: ``struct fuse_out_header`` and ``struct fuse_init_out`` in linux/fuse.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pyfuse3
import trio

from cvfs.errors import MountError

#: How many requests may wait without holding up others: above a thousand readers that hang on a store. Each costs a
#: request in the kernel and a task here, both only while it waits.
MAX_BACKGROUND = 4096
#: From here on the kernel tells its writeback and read-ahead code to take it easy; it has to be below the maximum.
CONGESTION_THRESHOLD = MAX_BACKGROUND * 3 // 4

_HEADER = struct.Struct("=IiQ")  # length, error, unique
_LIMITS = struct.Struct("=HH")  # max_background, congestion_threshold
_LIMITS_AT = _HEADER.size + struct.calcsize("=IIII")  # after major, minor, max_readahead, flags
#: FUSE_INIT and its answer have some hundred bytes; the kernel refuses to be read with a buffer below 8 KiB.
_BUFFER = 1 << 17
_ANSWER_SECONDS = 10


@contextmanager
def connected(operations: pyfuse3.Operations, connection: int) -> Iterator[None]:
    """Make ``connection`` pyfuse3's session, with the handshake done. Blocking, and outside of trio.

    Nothing is asked of ``operations`` but ``init``. ``connection`` stays open and valid beside pyfuse3's duplicate.
    Leaving the context ends the session and unmounts nothing.

    Raises:
        MountError: libfuse did not answer as the protocol says.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    descriptor = theirs.detach()
    try:
        pyfuse3.init(operations, f"/dev/fd/{descriptor}", set())
    except RuntimeError as error:
        os.close(descriptor)
        ours.close()
        raise MountError(f"libfuse cannot be used: {error}") from error
    try:
        with ours:
            answer = trio.run(_answer_of_libfuse, ours, os.read(connection, _BUFFER))
        os.write(connection, with_limits(answer))
        os.dup2(connection, descriptor, inheritable=False)
        yield
    finally:
        pyfuse3.close(unmount=False)


def with_limits(answer: bytes) -> bytes:
    """Put our limits into an answer to FUSE_INIT.

    Raises:
        MountError: it is no such answer, or says that FUSE_INIT failed.
    """
    if len(answer) < _LIMITS_AT + _LIMITS.size:
        raise MountError("libfuse gave no usable answer to the kernel's first request")
    _, error, _ = _HEADER.unpack_from(answer)
    if error:
        raise MountError(f"libfuse refused the kernel's first request: {os.strerror(-error)}")
    changed = bytearray(answer)
    _LIMITS.pack_into(changed, _LIMITS_AT, MAX_BACKGROUND, CONGESTION_THRESHOLD)
    return bytes(changed)


async def _answer_of_libfuse(ours: socket.socket, question: bytes) -> bytes:
    answer = b""
    ours.setblocking(False)
    stream = trio.socket.from_stdlib_socket(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pyfuse3.main)
        with trio.move_on_after(_ANSWER_SECONDS):
            await stream.send(question)
            answer = await stream.recv(_BUFFER)
        nursery.cancel_scope.cancel()
    return answer
