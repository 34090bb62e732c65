"""Relays in several processes: one for each processor.

The first process relays nothing. It listens, shows what all of them have done, and reads
the configuration again: then new workers take over, and the old ones end when their
connections have.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fildes.cli.relaying import readiness
from fildes.cli.relaying.reloading import Relays
from fildes.cli.relaying.service import Surroundings, listen
from fildes.cli.relaying.serving import Extras, Serving
from fildes.cli.showing.link import RETIRE
from fildes.cli.showing.workers import SeenWorkers

if TYPE_CHECKING:
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.showing.link import Member
    from fildes.cli.showing.table import Kind
    from fildes.listening.accepting import Acceptor


class Shared:
    """A relay, and where its workers accept."""

    def __init__(self, plan: Plan, acceptor: Acceptor) -> None:
        self.plan, self.acceptor = plan, acceptor


class RelayWorkers(Relays[Shared], SeenWorkers):
    """The workers, and who looks after them."""

    kind: Kind = "relay"

    def __init__(self, around: Surroundings, count: int, extras: Extras) -> None:
        Relays.__init__(self)
        self.around, self.extras, self.load = around, extras, extras.load
        SeenWorkers.__init__(self, around.loop, count, around.reporter, watched=extras.watch)

    def serve(self, plans: Sequence[Plan]) -> int:
        """Serve *plans* until a signal ends it; return the status.

        Raises:
          OSError: a relay cannot listen; none does then.
        """
        try:
            # Who reads that we listen may send SIGHUP, which would find no workers.
            with self.signals_held():
                for plan in plans:
                    self.add(plan)
                if self.extras.metrics is not None:
                    self.shows.serve_metrics(self.around.means.opening_of(self.extras.metrics))
                with self.shows.watching(wanted=self.extras.watch):
                    return self.run(self.tell_ready)
        finally:
            self.shows.close()
            self.stop_listening()

    def tell_ready(self) -> None:
        """Say that all is there."""
        self.say(f"{self.count} workers")
        readiness.ready(self.summary())

    def stop_listening(self) -> None:
        for shared in self.relays.values():
            shared.acceptor.close()

    def add(self, plan: Plan, leaving: Sequence[Acceptor] = ()) -> None:
        acceptor = self.loop.run_protocol(listen(plan, self.around, leaving))
        self.relays[plan.name] = Shared(plan, acceptor)

    def remove(self, relay: Shared) -> None:
        relay.acceptor.close()

    def hand_over(self, relay: Shared, plan: Plan) -> None:
        self.relays[plan.name] = Shared(plan, relay.acceptor)

    def hang_up(self) -> None:
        """Let new workers do what is read now, or end, if there is nothing to read."""
        if not self.reloads:
            if not self.nohup:
                self.stop(signal.SIGHUP)
        elif not self.stops and self.reload():
            old = [pidfd for pidfd in self.running if pidfd not in self.retired]
            self.retired.update(old)
            members = [self.members[pidfd] for pidfd in old]
            self.awaiting.append(lambda: self.succeed_workers(members))
            for number in range(self.count):
                self.start_again(number)

    def succeed_workers(self, old: Sequence[Member]) -> None:
        """Let *old* workers accept no more: others do, by what was read."""
        for member in old:
            member.ask(RETIRE)
        self.tell_reloaded()

    def stop(self, number: int) -> None:
        readiness.stopping("no more connections are accepted")
        super().stop(number)

    def work(self, number: int) -> int:
        for index, shared in enumerate(self.relays.values()):
            # What one process alone can do falls to another one for each relay.
            shared.acceptor.share((number + index) % self.count, self.count)
        for signum in self.actions():
            # Nothing is done once `Serving` has put this back: who has retired and ended its
            # last connection is not killed by what comes too late. SIG_IGN would throw away
            # what has come already, though it be blocked; sigaction(2).
            signal.signal(signum, lambda number, frame: None)
        with self.linked() as link:
            around = self.around._replace(loop=link.loop, changed=link.changed)
            acceptors = {name: shared.acceptor for name, shared in self.relays.items()}
            serving = Serving(around, Extras(ready=self.begin, acceptors=acceptors))
            link.attach(serving)
            return serving.run([shared.plan for shared in self.relays.values()])
