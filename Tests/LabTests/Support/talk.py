"""A connection that goes on and on: `talk.py serve PORT` gives back what comes, `talk.py talk ADDRESS PORT` counts what came back."""

import socket
import sys
import threading
import time


def serve(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


if sys.argv[1] == "serve":
    listener = socket.create_server(("::", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

connection = socket.create_connection((sys.argv[2], int(sys.argv[3])), 5)
connection.settimeout(None)
count = 0
while True:
    connection.sendall(b"x" * 100)
    left = 100
    while left > 0:
        left -= len(connection.recv(left))
    count += 1
    print(count, flush=True)
    time.sleep(0.01)
