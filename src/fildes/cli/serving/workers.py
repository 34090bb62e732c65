"""Servers in several processes, whose counts are seen together."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from fildes.cli.relaying import readiness
from fildes.cli.relaying.reloading import has_certificates, outlives_terminal
from fildes.cli.serving.server import Server
from fildes.cli.showing.workers import SeenWorkers

if TYPE_CHECKING:
    from fildes.cli.serving.work import Work
    from fildes.cli.showing.table import Kind
    from fildes.drivers.loop import Loop


class ServeWorkers(SeenWorkers):
    """The workers, and who looks after them."""

    kind: Kind = "serve"

    def __init__(self, loop: Loop, given: Work) -> None:
        arguments = given.arguments
        super().__init__(loop, arguments.workers, given.reporter, watched=arguments.watch)
        self.given = given
        self.nohup = outlives_terminal()

    @property
    def names(self) -> list[str]:
        return [] if self.given.acceptor.closed else [""]

    def stop_listening(self) -> None:
        # It is listened at as long as anybody holds the sockets.
        self.given.acceptor.close()

    def stop(self, number: int) -> None:
        readiness.stopping("no more connections are accepted")
        super().stop(number)

    def hang_up(self) -> None:
        address = self.given.acceptor.address
        if not has_certificates(address):
            if not self.nohup:
                self.stop(signal.SIGHUP)
        elif not self.stops:
            readiness.reloading()
            super().hang_up()
            readiness.ready(f"listening at {address}")

    def work(self, number: int) -> int:
        self.given.acceptor.share(number, self.count)
        told = self.given.arguments.ready_fd
        if told is not None and self.awaiting:
            os.close(told)  # the first process speaks for all, and it ends when that has spoken
        with self.linked() as link:
            server = Server(link.loop, self.given, link.changed)
            link.attach(server)
            return server.run(self.begin)
