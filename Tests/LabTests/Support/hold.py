"""Stops one thread of a process for a while, as a fault would: hold.py TID SECONDS."""
import ctypes
import os
import sys
import time

SEIZE, INTERRUPT = 0x4206, 0x4207
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
for request in (SEIZE, INTERRUPT):
    if libc.ptrace(request, int(sys.argv[1]), None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
# The kernel lets the thread go on when this process ends.
time.sleep(float(sys.argv[2]))
