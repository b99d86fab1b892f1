"""Sends frames into one end of the lab's wire and says which frames came out of which end.

usage: wiretap.py NAMESPACE INTERFACE NAMESPACE INTERFACE      (near, then far)

One JSON object a line on standard input asks, one on standard output answers, in order. Frames are hexadecimal; in a
request a frame may be a scapy expression instead. The requests:

  {"do": "exchange", "frames": [{"from": "near", "frame": F, "offload": [flags, gso_type, hdr_len, gso_size, csum_start,
   csum_offset]}, …], "quiet": seconds, "awaited": n}
      Sends them in order, then listens until nothing has come for `quiet`; if fewer than `awaited` frames have come by
      then, until nothing has come for three seconds.
      Answers {"sent": [hex or null], "errors": [text], "near": [R], "far": [R]} with
      R = {"frame": hex, "offload": [as above], "partial": bool, "sound": bool or null}; `partial` is a checksum left to
      the hardware, `sound` whether TCP's or UDP's is right, null where there is none.
  {"do": "listen", "seconds": s}
      As an exchange of nothing.
  {"do": "more", "quiet": seconds}
      What has come since the last answer, and what comes until nothing has for `quiet`.
  {"do": "sequence", "from": "near", "flows": [F, …], "count": n}
      n copies of each flow's frame, the last four bytes of each replaced by its number in its flow, the flows taken in
      turn. Answers {"received": n, "duplicates": n, "reordered": n, "returned": n}.
"""

import json
import os
import select
import socket
import struct
import sys
import time

from internet import enter_named, internet_sum

SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SO_SNDBUFFORCE = 32
TP_STATUS_CSUMNOTREADY = 1 << 3
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6

# struct tpacket_auxdata and struct virtio_net_hdr of the kernel's headers.
AUXDATA = struct.Struct("=IIIHHHH")
OFFLOAD = struct.Struct("=BBHHHH")
VIRTIO_NET_HDR_F_NEEDS_CSUM = 1


def is_sound(frame):
    """Whether the checksum of TCP or UDP right behind an IP header is right; None for anything else."""
    offset = 12
    while frame[offset:offset + 2] in (b"\x81\0", b"\x88\xa8"):
        offset += 4
    kind, packet = frame[offset:offset + 2], frame[offset + 2:]
    if kind == b"\x08\0" and len(packet) >= 20:
        header, addresses, protocol = (packet[0] & 15) * 4, packet[12:20], packet[9]
        end = struct.unpack("!H", packet[2:4])[0]
    elif kind == b"\x86\xdd" and len(packet) >= 40:
        header, addresses, protocol = 40, packet[8:40], packet[6]
        end = 40 + struct.unpack("!H", packet[4:6])[0]
    else:
        return None
    if protocol not in (6, 17):
        return None
    segment = packet[header:end]
    return internet_sum(addresses + struct.pack("!II", protocol, len(segment)) + segment) == 0xFFFF


class End:
    """One end of the wire: a packet socket on a host's interface."""

    def __init__(self, namespace, interface):
        enter_named(namespace)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20)
        self.socket.bind((interface, ETH_P_ALL))
        self.buffer = bytearray(OFFLOAD.size + 70000)

    def send(self, frame, offload=None):
        self.socket.send(OFFLOAD.pack(*(offload or (0,) * 6)) + frame)

    def receive(self):
        """The next frame with its outer tag put back, its offload header and whether its checksum is unfinished."""
        length, ancillary, _, _ = self.socket.recvmsg_into([self.buffer], 128, socket.MSG_DONTWAIT)
        offload = list(OFFLOAD.unpack_from(self.buffer))
        frame = bytes(self.buffer[OFFLOAD.size:length])
        partial = False
        for level, kind, data in ancillary:
            if level != SOL_PACKET or kind != PACKET_AUXDATA:
                continue
            status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(data)
            partial = bool(status & TP_STATUS_CSUMNOTREADY)
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
                # The offsets count from the first byte of the frame without its tag.
                if offload[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM:
                    offload[4] += 4
                if offload[2]:
                    offload[2] += 4
        return frame, offload, partial


def collect(ends, quiet, patience=10.0, into=None, awaited=0):
    """All that comes out of the ends until nothing has come for `quiet` seconds, or for three if less than `awaited`."""
    received = into if into is not None else {name: [] for name in ends}
    by_socket = {end.socket: name for name, end in ends.items()}
    deadline = time.monotonic() + patience
    last = time.monotonic()
    while True:
        now = time.monotonic()
        enough = sum(map(len, received.values())) >= awaited
        end = min(last + (quiet if enough else max(quiet, 3.0)), deadline)
        if now >= end:
            return received
        ready, _, _ = select.select(list(by_socket), [], [], end - now)
        for handle in ready:
            name = by_socket[handle]
            try:
                while True:
                    received[name].append(ends[name].receive())
            except BlockingIOError:
                pass
            last = time.monotonic()


def frame_of(text):
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    import frames

    return frames.evaluate(text)


def exchange(ends, request):
    frames = [(item["from"], frame_of(item["frame"]), item.get("offload")) for item in request["frames"]]
    quiet = request.get("quiet", 0.1)
    received = collect(ends, 0)
    for name in received:
        received[name].clear()
    sent, errors = [], []
    for number, (origin, frame, offload) in enumerate(frames):
        try:
            ends[origin].send(frame, offload)
            sent.append(frame.hex())
        except OSError as error:
            sent.append(None)
            errors.append(f"{request['frames'][number]['frame'][:60]}: {error.strerror}")
        if number % 32 == 31:
            collect(ends, 0.002, into=received)
    collect(ends, quiet, into=received, awaited=request.get("awaited", 0))
    return told(received, sent, errors)


def told(received, sent=(), errors=()):
    """An exchange's answer."""
    answer = {"sent": list(sent), "errors": list(errors)}
    for name, records in received.items():
        answer[name] = [
            {"frame": frame.hex(), "offload": offload, "partial": partial, "sound": is_sound(frame)}
            for frame, offload, partial in records
        ]
    return answer


def sequence(ends, request):
    origin = request["from"]
    target = "far" if origin == "near" else "near"
    templates = [frame_of(text)[:-4] for text in request["flows"]]
    collect(ends, 0)
    received = {name: [] for name in ends}
    for number in range(request["count"]):
        for template in templates:
            ends[origin].send(template + struct.pack("!I", number))
        if number % 64 == 63:
            collect(ends, 0.001, into=received)
    collect(ends, 0.2, into=received, awaited=request["count"] * len(templates))

    flows = {template: number for number, template in enumerate(templates)}
    next_number = [0] * len(templates)
    seen = [set() for _ in templates]
    duplicates = reordered = arrived = 0
    for frame, _, _ in received[target]:
        flow = flows.get(frame[:-4])
        if flow is None:
            continue
        (number,) = struct.unpack("!I", frame[-4:])
        arrived += 1
        duplicates += number in seen[flow]
        seen[flow].add(number)
        reordered += number < next_number[flow]
        next_number[flow] = max(next_number[flow], number + 1)
    returned = sum(frame[:-4] in flows for frame, _, _ in received[origin])
    return {"received": arrived, "duplicates": duplicates, "reordered": reordered, "returned": returned}


def main():
    near_namespace, near_interface, far_namespace, far_interface = sys.argv[1:5]
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    ends = {"near": End(near_namespace, near_interface), "far": End(far_namespace, far_interface)}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            match request["do"]:
                case "exchange":
                    answer = exchange(ends, request)
                case "listen":
                    answer = exchange(ends, {"frames": [], "quiet": request["seconds"]})
                case "more":
                    answer = told(collect(ends, request["quiet"]))
                case "sequence":
                    answer = sequence(ends, request)
        except Exception as error:  # said to the test, which fails with it
            answer = {"failure": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
