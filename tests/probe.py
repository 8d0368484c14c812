"""Handed to aws-role-exec as the command: say, in JSON, what process this became."""

import json
import os
import sys

umask = os.umask(0o077)
try:
    with open("/proc/self/environ", "rb") as file:  # what execve was given, untouched by libc
        environ = file.read().split(b"\0")[:-1]
    with open("/proc/self/cmdline", "rb") as file:
        argv = file.read().split(b"\0")[:-1]
    argv = argv[argv.index(os.fsencode(__file__)) + 1 :]
except FileNotFoundError:
    environ = [name + b"=" + value for name, value in os.environb.items()]
    argv = [os.fsencode(word) for word in sys.argv[1:]]

json.dump(
    {
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "argv": [word.decode("latin-1") for word in argv],
        "environ": [word.decode("latin-1") for word in environ],
        "cwd": os.getcwd(),
        "umask": umask,
    },
    sys.stdout,
)
