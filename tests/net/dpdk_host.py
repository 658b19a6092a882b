"""Hosts whose wire is DPDK's: what has to be done for that, on both ends."""
import json
import sys
from pathlib import Path

from network import BUILD

PLUGIN = BUILD / 'drivers/dpdk/libpenstock_dpdk.so'
BY_HAND = Path(__file__).resolve().parent / 'by_hand.py'


def device(mtu, queues):
    """A host's end of the wire as DPDK is to have it."""
    frame_bytes = 2048 if mtu == 1500 else 9216
    return f'net_af_packet0,iface=wire,framesz={frame_bytes},blocksz={frame_bytes * 4},framecnt=1024,qpairs={queues}'


def give_to_dpdk(host, mac):
    """The kernel has no address there any more, and nothing of what arrives: it must not answer what DPDK has seen."""
    host.run('ip', 'address', 'flush', 'dev', 'wire')
    host.run('ip', 'link', 'set', 'wire', 'address', mac)
    host.run('nft', '-f', '-', text='''
        table netdev penstock
        delete table netdev penstock
        table netdev penstock {
            chain ingress { type filter hook ingress device wire priority 0; policy drop; }
        }''')


def by_hand(host, *words):
    return json.loads(host.run(sys.executable, BY_HAND, *words))


def leave_no_sums(host, interface):
    """The kernel leaves checksums to devices, which veth pairs are none of; DPDK on the other end sees that."""
    by_hand(host, 'sums', interface)
