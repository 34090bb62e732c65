"""A direction through which much flows: its bytes go from socket to socket inside the kernel.

splice(2) moves pages from one socket into a pipe, and from there into the other socket, so
nothing is copied here. A step costs more than a receive and a send of little, so a direction
turns to it when much has come several times, and back when little comes. What the sink does
not take stays in the pipe; no more is moved into it until it is empty, so one side waits for
the other as it does where bytes are copied, and an end or a break is met after the last byte.

splice(2) waits for a socket unless its open file description has O_NONBLOCK, so only
sockets that nobody else holds are spliced.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct

from fildes.relaying.socket_half import SocketHalf
from fildes.streams import pipes
from fildes.streams.delivering import INTERNET
from fildes.streams.pipes import FLAGS, UNABLE, breaks_quietly

#: Moved at once, this is little: copying it costs no more.  # arbitrary
LITTLE = 65536

#: So often in a row little has to come before a direction copies again.
PATIENCE = 8  # arbitrary

#: Large receives before a direction that could not splice tries again.
LATER = -1000  # arbitrary

#: Where the bytes of a packet, tcpi_snd_mss, stand in a struct tcp_info; linux/tcp.h.
SEGMENT_AT = 16

#: Bytes of a packet that a network carries at most, in so-called jumbo frames; loopback, whose
#: packets have 65,536, begins with half of that.
LARGEST_SEGMENT = 16384

#: Stands in `left` for what is left in the pipe.
HELD = memoryview(b"")


def splice_from_now(half: SocketHalf) -> None:
    """Let *half*, through which much flows, splice if it can."""
    if not half.sink.own_congestion:
        unpace(half.to_sock)
    if type(half) is not SocketHalf or not can_splice(half) or not half.buffers.pipes.enter():
        half.much = LATER
        return
    half.from_sock.setblocking(False)
    half.to_sock.setblocking(False)
    half.much = PATIENCE
    half.__class__ = SplicedHalf  # for all who know it, it is the same direction


def can_splice(half: SocketHalf) -> bool:
    """Tell whether both sockets are ours alone, and a broken connection raises no signal."""
    return breaks_quietly() and not (half.source.borrowed or half.sink.borrowed)


def unpace(sock: socket.SocketType) -> None:
    """Let *sock* send at once if its peer is on this machine.

    bbr spaces packets out by timers, to spare a network that is not there: it took a third
    of the rate, and two thirds more of the processor, from a stream over loopback. What is
    sent to an own address leaves the machine all the same where a firewall sends it on, but
    in packets that a network carries.
    """
    if sock.family not in INTERNET:
        return
    with contextlib.suppress(OSError):  # it is over, or of another protocol
        if sock.getsockname()[0] != sock.getpeername()[0]:
            return
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SEGMENT_AT + 4)
        (segment,) = struct.unpack_from("I", info, SEGMENT_AT)
        if segment <= LARGEST_SEGMENT:
            return
        control = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        if control.startswith(b"bbr"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")


class SplicedHalf(SocketHalf):
    """One direction, as long as much flows through it.

    Attributes:
      much: how often in a row little may still come.
    """

    __slots__ = ()

    def move(self) -> bool:
        """Do what can be done now; return whether the pair has to see to something."""
        if self.left is not None:
            return self.pour() if self.left is HELD else self.send_left(self.left, self.buffers)
        pipe = self.buffers.pipes.pipe
        if pipe is None:  # slow peers have them all
            return super().move()
        try:
            moved = os.splice(self.fd, pipe.into, pipes.PIPE_SIZE, flags=FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in UNABLE:
                return self.copy_again(LATER)
            self.error, self.lost = error, True
            return True
        if moved >= LITTLE:
            self.much = PATIENCE
        else:
            self.much -= 1
            if not moved:  # an end, or urgent data: a receive knows which
                return self.copy_again()
        sent = self.send_from(pipe, moved)
        if sent == moved:
            if not self.much:
                self.stop_splicing()
            return False
        self.pipe = self.buffers.pipes.lend(moved - sent)
        self.left = HELD
        return True

    def send_from(self, pipe: pipes.Pipe, size: int) -> int:
        """Move *size* bytes, all that *pipe* holds, to the sink; return how many it took."""
        try:
            sent = os.splice(pipe.out, self.to_sock.fileno(), size, flags=FLAGS)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.fail(error)
            return 0
        self.copied += sent
        return sent

    def pour(self) -> bool:
        """Go on with what was left in the pipe; the pair has to see to it."""
        pipe = self.pipe
        pipe.held -= self.send_from(pipe, pipe.held)
        if not pipe.held:
            self.left = None
            self.buffers.pipes.give_back(pipe)
            del self.pipe
        return True

    def copy_again(self, much: int = 0) -> bool:
        """Copy from now on; return what `move` does."""
        self.stop_splicing(much)
        return self.move()

    def stop_splicing(self, much: int = 0) -> None:
        """Be an ordinary direction again, of which nothing is in a pipe."""
        self.buffers.pipes.leave()
        self.much = much
        self.__class__ = SocketHalf  # type: ignore[assignment]  # the layout is the same

    def release(self) -> None:
        """Give up what is in a pipe, for the sockets are going to be closed."""
        if self.left is HELD:
            self.buffers.pipes.give_back(self.pipe)
        self.stop_splicing()
