"""Say which process this is, then the name of every signal that reaches it."""

import os
import signal
import time

FAULTS = {"SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS"}


def hear(number: int, _: object) -> None:
    os.write(1, f"got {signal.Signals(number).name}\n".encode())


# All that a program can hear, but for those that a fault of its own raises.
HEARD = sorted(
    each
    for each in signal.Signals
    if each not in {signal.SIGKILL, signal.SIGSTOP} and each.name not in FAULTS
)
if __name__ == "__main__":
    for each in HEARD:
        signal.signal(each, hear)
    os.write(1, f"ready {os.getpid()} {os.environ.get('SLURM_TASK_PID')}\n".encode())
    while True:
        time.sleep(60)
