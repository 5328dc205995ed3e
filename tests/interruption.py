"""How a program ends that was interrupted by Ctrl-C."""

import signal

# Python ends itself by the signal where Ctrl-C met Python code that a library runs from C, whoever handled it then.
# A shell says 130 for both.
INTERRUPTED = (130, -signal.SIGINT)
