"""Forces a pid to be used again at the worst moments of a kill: reuse.py ROUNDS, alone in a PID namespace.

Each round: a victim is found, and at one of four points it dies and a canary gets its very pid. The canary must live.
Prints one JSON object: rounds by point, wrong kills, and how often the pid really was used again.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from watchdog.killing import ladder
from watchdog.killing.plan import make_plan
from watchdog.policy import guards
from watchdog.system.linux import grips
from watchdog.system.process import lineage, processes
from watchdog.targets import trees

POINTS = ("after the plan", "after pidfd_open", "after the facts", "before the signal")


def sleeper():
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        while True:
            time.sleep(60)
    return pid


class Reuse:
    """The victim dies, and another process takes its pid."""

    def __init__(self, victim):
        self.victim, self.canary = victim, None

    def happen(self):
        os.kill(self.victim, signal.SIGKILL)
        os.waitpid(self.victim, 0)
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(self.victim - 1))
        self.canary = sleeper()

    @property
    def worked(self):
        return self.canary == self.victim

    def canary_lives(self):
        time.sleep(0.002)
        return os.waitpid(self.canary, os.WNOHANG) == (0, 0)


def one_round(point, young):
    victim = sleeper()
    if not young:
        born = processes.read(victim).identity.ticks
        while lineage.ticks_now() - born < 2:
            time.sleep(0.005)
    table = processes.table()
    plan = make_plan(trees.grow({victim}, table, ()), reason="", us=guards.ourselves(table), table=table, grace=0.2)
    reuse = Reuse(victim)
    read, send = processes.read, grips.deliver
    waiting = [True]

    def once():
        if waiting.pop() if waiting else False:
            reuse.happen()

    def read_before(pid):
        if pid == victim:
            once()
        return read(pid)

    def read_after(pid):
        found = read(pid)
        if pid == victim:
            once()
        return found

    def send_after(descriptor, number):
        once()
        send(descriptor, number)

    if point == POINTS[0]:
        once()
    elif point == POINTS[1]:
        processes.read = read_before
    elif point == POINTS[2]:
        processes.read = read_after
    else:
        grips.deliver = send_after
    try:
        ladder.execute(plan, lambda text: None)
    finally:
        processes.read, grips.deliver = read, send
    assert not waiting, f"nothing happened at the point {point!r}"
    lives = reuse.canary_lives()
    if lives:
        os.kill(reuse.canary, signal.SIGKILL)
        os.waitpid(reuse.canary, 0)
    return lives, reuse.worked


def main():
    rounds = int(sys.argv[1])
    found = {"rounds": dict.fromkeys(POINTS, 0), "wrong": 0, "reused": 0}
    for number in range(rounds):
        point = POINTS[number % 4]
        # Where the facts are read after the pidfd, not even a start in the same tick may matter.
        lives, worked = one_round(point, young=point != POINTS[0] and number % 8 >= 4)
        found["rounds"][point] += 1
        found["wrong"] += not lives
        if not lives:
            found.setdefault("where", []).append(point)
        found["reused"] += worked
    # And without a reuse the very same code does end its victim.
    victim = sleeper()
    table = processes.table()
    plan = make_plan(trees.grow({victim}, table, ()), reason="", us=guards.ourselves(table), table=table)
    found["control"] = ladder.execute(plan, lambda text: None).outcome
    found["control_signal"] = os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1])
    print(json.dumps(found))


main()
