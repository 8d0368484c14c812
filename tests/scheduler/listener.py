"""Say which process this is, then the name of every signal that reaches it."""

import os
import signal
import time


def hear(number: int, _: object) -> None:
    os.write(1, f"got {signal.Signals(number).name}\n".encode())


for each in ("USR1", "USR2", "HUP", "INT", "TERM", "CONT"):
    signal.signal(getattr(signal, f"SIG{each}"), hear)
os.write(1, f"ready {os.getpid()} {os.environ.get('SLURM_TASK_PID')}\n".encode())
while True:
    time.sleep(60)
