"""A transfer that ends: `upload.py serve PORT` says how many bytes came, `upload.py send ADDRESS PORT BYTES SECONDS` sends so many."""

import socket
import sys

if sys.argv[1] == "serve":
    listener = socket.create_server(("::", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        connection = listener.accept()[0]
        count = 0
        while data := connection.recv(65536):
            count += len(data)
        connection.sendall(f"{count} bytes have come\n".encode())
        connection.close()

connection = socket.create_connection((sys.argv[2], int(sys.argv[3])), 5)
connection.settimeout(float(sys.argv[5]))
try:
    connection.sendall(b"u" * int(sys.argv[4]))
    connection.shutdown(socket.SHUT_WR)
    print(connection.recv(100).decode(), end="")
except TimeoutError:
    print("it stands")
