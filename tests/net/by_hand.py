#!/usr/bin/env python3
"""What a host does to another one by hand, run in its namespace; each prints JSON.

    by_hand.py sums IFACE              the interface no longer leaves checksums to a device that is none
    by_hand.py ping ADDRESS COUNT      how many were answered
    by_hand.py echo ADDRESS PORT...    datagrams, until SIGTERM; says "echoing"
    by_hand.py echoed ADDRESS PORT COUNT BYTES
                                       how many datagrams came back
    by_hand.py noise IFACE MAC ADDRESS PORT COUNT SEED
                                       frames to that station that are damaged, cut short, somebody else's, or lies
    by_hand.py tcp listen|connect ADDRESS PORT SECONDS
                                       one connection, on which both ends send for so long: what this one sent and got
    by_hand.py refused ADDRESS PORT    whether a datagram comes back as ICMP's "port unreachable"
    by_hand.py flood ADDRESS PORT SECONDS
                                       empty datagrams, as many as there can be
"""
import array
import fcntl
import json
import os
import random
import selectors
import socket
import struct
import sys
import threading
import time
import zlib

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def sums(interface):
    """As ethtool -K IFACE tx off does it."""
    value = array.array('B', struct.pack('II', ETHTOOL_STXCSUM, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack('16sP', interface.encode(), value.buffer_info()[0]))
    return {}


def ping(address, count):
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        for number in range(int(count)):
            text = os.urandom(56)
            header = struct.pack('!BBHHH', 8, 0, 0, os.getpid() & 0xffff, number)
            header = struct.pack('!BBHHH', 8, 0, checksum(header + text), os.getpid() & 0xffff, number)
            raw.sendto(header + text, (address, 0))
            until = time.monotonic() + 2
            while time.monotonic() < until:
                raw.settimeout(max(until - time.monotonic(), 0.001))
                try:
                    packet = raw.recv(2000)
                except TimeoutError:
                    break
                kind, _, _, identity, which = struct.unpack('!BBHHH', packet[20:28])
                if (kind, identity, which, packet[28:]) == (0, os.getpid() & 0xffff, number, text):
                    answered += 1
                    break
    return {'answered': answered}


def echo(address, *ports):
    selector = selectors.DefaultSelector()
    for port in ports:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((address, int(port)))
        selector.register(datagrams, selectors.EVENT_READ)
    print('echoing', flush=True)
    while True:
        for key, _ in selector.select():
            key.fileobj.sendto(*key.fileobj.recvfrom(65536))


def echoed(address, port, count, size):
    returned = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(0.3)
        for _ in range(int(count)):
            data = os.urandom(int(size))
            datagrams.sendto(data, (address, int(port)))
            try:
                returned += datagrams.recvfrom(65536)[0] == data
            except TimeoutError:
                pass
    return {'returned': returned}


def datagram_frame(interface_mac, mac, source, address, port, payload):
    udp = struct.pack('!HHHH', 4000, port, 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0, source, address)
    ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
    return mac + interface_mac + b'\x08\x00' + ip + udp


def noise(interface, mac, address, port, count, seed):
    chooses = random.Random(int(seed))
    mac, address = bytes.fromhex(mac.replace(':', '')), socket.inet_aton(address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        own = raw.getsockname()[4]
        for _ in range(int(count)):
            source = bytes([10, 77, 0, chooses.randrange(256)])
            frame = bytearray(datagram_frame(own, mac, source, address, chooses.choice([int(port), 9]),
                                             chooses.randbytes(chooses.randrange(1200))))
            kind = chooses.randrange(5)
            if kind == 0:      # bits flipped anywhere behind the addresses
                for _ in range(chooses.randrange(1, 20)):
                    frame[chooses.randrange(12, len(frame))] ^= 1 << chooses.randrange(8)
            elif kind == 1:
                del frame[chooses.randrange(14, len(frame)):]
            elif kind == 2:    # nothing like a datagram
                frame[12:] = chooses.randbytes(len(frame) - 12)
            elif kind == 3:    # a fragment
                frame[20:22] = struct.pack('!H', chooses.randrange(1, 0x3fff))
                frame[24:26] = b'\0\0'
                frame[24:26] = struct.pack('!H', checksum(bytes(frame[14:34])))
            else:              # "the one you talk to is here"
                frame = mac + own + b'\x08\x06' + struct.pack('!HHBBH6s4s6s4s', 1, 0x800, 6, 4, 2, chooses.randbytes(6),
                                                              source, mac, address)
            raw.send(bytes(frame))
    return {'sent': int(count)}


def connection(side, address, port):
    if side == 'listen':
        with socket.create_server((address, int(port))) as server:
            server.settimeout(20)
            return server.accept()[0]
    until = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection((address, int(port)), timeout=20)
        except ConnectionRefusedError:   # the other one does not listen yet
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def tcp(side, address, port, seconds):
    did = {'sent': 0, 'sent_sum': 0, 'got': 0, 'got_sum': 0}

    def note(what, piece):
        did[what] += len(piece)
        did[what + '_sum'] = zlib.crc32(piece, did[what + '_sum'])

    def send():
        block, until = os.urandom(1 << 18), time.monotonic() + float(seconds)
        while time.monotonic() < until:
            both.sendall(block)
            note('sent', block)
        both.shutdown(socket.SHUT_WR)

    with connection(side, address, port) as both:
        both.settimeout(20)
        sender = threading.Thread(target=send)
        sender.start()
        while piece := both.recv(1 << 18):
            note('got', piece)
        sender.join()
    return did


def refused(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(1)
        datagrams.connect((address, int(port)))
        for _ in range(10):   # either may be lost
            datagrams.send(b'anybody?')
            try:
                datagrams.recv(100)
            except ConnectionRefusedError:
                return {'refused': True}
            except TimeoutError:
                pass
    return {'refused': False}


def flood(address, port, seconds):
    sent, until = 0, time.monotonic() + float(seconds)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        while time.monotonic() < until:
            datagrams.sendto(b'', (address, int(port)))
            sent += 1
    return {'sent': sent}


if __name__ == '__main__':
    VERBS = {'sums': sums, 'ping': ping, 'echo': echo, 'echoed': echoed, 'noise': noise, 'tcp': tcp, 'refused': refused,
             'flood': flood}
    print(json.dumps(VERBS[sys.argv[1]](*sys.argv[2:])))
