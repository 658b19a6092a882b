#!/usr/bin/env python3
"""Writes the golden packets beside it, of which golden_test.cpp has the meaning; of what drivers/dpdk does it knows
nothing. They were looked through with

    tcpdump -nevvr conversation.pcap       and the others: nothing is bad but in the file that is named so

    conversation.pcap           between us, 10.77.0.1 at 02:00:00:00:77:01, and 10.77.0.2: what each of both sends
    conversation_vlan.pcap      the same with a tag of 802.1Q
    datagrams.pcap              to us, each with bytes 7, 14, 21, ...
    foreign.pcap                none of our business, or lies
    malformed.pcap              damaged, cut, or too large
"""
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / 'net'))
from by_hand import checksum  # noqa: E402

US, THEM, OTHERS = (bytes.fromhex(f'0200000077{n:02x}') for n in (1, 2, 0x66))
OUR_IP, THEIR_IP, OTHER_IP = (bytes([10, 77, 0, n]) for n in (1, 2, 3))
ALL = b'\xff' * 6
OUR_PORT, THEIR_PORT = 1000, 2000
UDP, TCP, ICMP = 17, 6, 1
VLAN = 7


def pattern(size):
    return bytes((at * 7 + (at >> 8) * 13) & 0xff for at in range(1, size + 1))


def ethernet(source, to, kind, rest, tag=None):
    tagged = b'' if tag is None else struct.pack('!HH', 0x8100, tag)
    return (to + source + tagged + struct.pack('!H', kind) + rest).ljust(60, b'\0')


def arp(operation, source, to, sender, target, tag=None):
    """Sender and target: hardware address and IP."""
    body = struct.pack('!HHBBH', 1, 0x0800, 6, 4, operation) + b''.join(sender) + b''.join(target)
    return ethernet(source, to, 0x0806, body, tag)


def ipv4(source, to, protocol, rest, options=b'', tos=0, ident=0, fragment=0x4000, ttl=64, **wrong):
    words = 5 + len(options) // 4
    total = wrong.get('total', 4 * words + len(rest))
    head = struct.pack('!BBHHHBBH4s4s', wrong.get('first', 0x40 + words), tos, total, ident, fragment, ttl, protocol,
                       0, source, to) + options
    total_sum = checksum(head) ^ wrong.get('sum_bits', 0)
    return head[:10] + struct.pack('!H', total_sum) + head[12:] + rest


def udp(source_ip, to_ip, source, to, payload, **wrong):
    size = wrong.get('size', 8 + len(payload))
    pseudo = source_ip + to_ip + struct.pack('!BBH', 0, UDP, size)
    found = checksum(pseudo + struct.pack('!HHHH', source, to, size, 0) + payload) or 0xffff
    return struct.pack('!HHHH', source, to, size, wrong.get('sum', found)) + payload


def icmp(kind, code, rest, sum_bits=0):
    found = checksum(struct.pack('!BBH', kind, code, 0) + rest) ^ sum_bits
    return struct.pack('!BBH', kind, code, found) + rest


def to_us(payload=pattern(40), port=OUR_PORT, ip=OUR_IP, mac=US, tag=None, wrong_udp=None, **header):
    """A datagram of theirs."""
    segment = udp(THEIR_IP, ip, THEIR_PORT, port, payload, **(wrong_udp or {}))
    return ethernet(THEM, mac, 0x0800, ipv4(THEIR_IP, ip, UDP, segment, **header), tag)


def conversation(tag=None):
    def ours(payload):
        segment = udp(OUR_IP, THEIR_IP, OUR_PORT, THEIR_PORT, payload)
        return ethernet(US, THEM, 0x0800, ipv4(OUR_IP, THEIR_IP, UDP, segment), tag)

    def ping(source, to, source_ip, to_ip, kind):
        message = icmp(kind, 0, struct.pack('!HH', 77, 1) + pattern(56))
        return ethernet(source, to, 0x0800, ipv4(source_ip, to_ip, ICMP, message, ident=0x1234), tag)

    row = pattern(2500)
    return [
        arp(1, US, ALL, (US, OUR_IP), (b'\0' * 6, THEIR_IP), tag),
        # Before the answer comes, somebody lies about an address that nobody asked for; after it, about theirs.
        arp(2, OTHERS, US, (OTHERS, OTHER_IP), (US, OUR_IP), tag),
        arp(2, THEM, US, (THEM, THEIR_IP), (US, OUR_IP), tag),
        arp(2, OTHERS, US, (OTHERS, THEIR_IP), (US, OUR_IP), tag),
        arp(1, THEM, ALL, (THEM, THEIR_IP), (b'\0' * 6, OUR_IP), tag),
        ping(THEM, US, THEIR_IP, OUR_IP, 8),
        arp(2, US, THEM, (US, OUR_IP), (THEM, THEIR_IP), tag),
        ping(US, THEM, OUR_IP, THEIR_IP, 0),
        *(ours(pattern(size)) for size in (1, 17, 18, 19, 100, 1471, 1472)),
        ours(row[:1000]), ours(row[1000:2000]), ours(row[2000:]),
    ]


def datagrams():
    return [
        to_us(pattern(1)),
        to_us(pattern(1472)),
        to_us(wrong_udp={'sum': 0}),                        # none: IPv4 leaves that to the sender
        to_us(options=b'\x94\x04\0\0'),                     # a router alert
        to_us(tos=0xb8, ident=0xbeef, fragment=0, ttl=1),
        to_us() + b'\xee' * 9,                              # what a switch appended
        to_us(tag=0x6000),                                  # a priority, of no VLAN
    ]


def foreign():
    ip6 = b'\x60' + b'\0' * 3 + struct.pack('!HBB', 0, 59, 64) + b'\xfe' * 32   # nothing follows
    dead = icmp(3, 3, b'\0' * 4 + ipv4(OUR_IP, THEIR_IP, UDP, udp(OUR_IP, THEIR_IP, 1000, 2000, b'')))
    tcp = struct.pack('!HHIIBBHHH', 2000, 1000, 1, 0, 0x50, 2, 1000, 0x8ba5, 0)
    return [
        to_us(fragment=0x2000), to_us(fragment=0x2001), to_us(fragment=0x0001),
        to_us(port=OUR_PORT + 1), to_us(ip=OTHER_IP), to_us(mac=OTHERS), to_us(mac=ALL), to_us(tag=VLAN),
        ethernet(THEM, US, 0x86dd, ip6), ethernet(THEM, US, 0x88cc, b'\x02\x07\x04' + THEM),
        ethernet(THEM, US, 46, b''),
        ethernet(THEM, US, 0x8100, struct.pack('!H', VLAN) + to_us()[12:], VLAN),   # two tags
        ethernet(THEM, US, 0x0800, ipv4(THEIR_IP, OUR_IP, TCP, tcp)),
        ethernet(THEM, US, 0x0800, ipv4(THEIR_IP, OUR_IP, ICMP, dead)),
        ethernet(THEM, US, 0x0800, ipv4(THEIR_IP, OTHER_IP, ICMP, icmp(8, 0, b'\0' * 12))),
        # Nobody asked.
        arp(2, THEM, US, (THEM, THEIR_IP), (US, OUR_IP)), arp(2, OTHERS, ALL, (OTHERS, THEIR_IP), (ALL, THEIR_IP)),
        arp(1, THEM, ALL, (THEM, THEIR_IP), (b'\0' * 6, OTHER_IP)), arp(3, THEM, US, (THEM, THEIR_IP), (US, OUR_IP)),
    ]


def malformed():
    whole = to_us()
    ping = icmp(8, 0, struct.pack('!HH', 77, 1) + pattern(56), sum_bits=1)
    request = arp(1, THEM, ALL, (THEM, THEIR_IP), (b'\0' * 6, OUR_IP))
    return [
        whole[:13], whole[:14], whole[:33], whole[:41], whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]),
        to_us(tag=0)[:17], request[:41],
        to_us(first=0x65), to_us(first=0x44), to_us(first=0x4f), to_us(total=19), to_us(total=69),
        to_us(sum_bits=0x100),
        to_us(wrong_udp={'size': 7}), to_us(wrong_udp={'size': 49}), to_us(wrong_udp={'sum': 0x1234}),
        ethernet(THEM, US, 0x0800, ipv4(THEIR_IP, OUR_IP, ICMP, ping)),
        arp(1, THEM, ALL, (b'\x03' + THEM[1:], THEIR_IP), (b'\0' * 6, OUR_IP)),   # sent by a group
        to_us(pattern(2500)),                               # more than a frame of MTU 1500 has room for
    ]


def write(name, frames):
    """A frame a second."""
    with open(Path(__file__).parent / f'{name}.pcap', 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 1 << 16, 1))
        for second, frame in enumerate(frames):
            file.write(struct.pack('<IIII', second, 0, len(frame), len(frame)) + frame)


if __name__ == '__main__':
    write('conversation', conversation())
    write('conversation_vlan', conversation(VLAN))
    write('datagrams', datagrams())
    write('foreign', foreign())
    write('malformed', malformed())
