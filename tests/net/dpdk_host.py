"""Hosts whose wire is DPDK's, or shared with it: what has to be done for that, on both ends."""
import json
import socket
import sys
from pathlib import Path

from harness import BUILD, Skip

PLUGIN = BUILD / 'drivers/dpdk/libpenstock_dpdk.so'
SERVER, BENCH = BUILD / 'tests/net/net_dpdk_server', BUILD / 'bench/bench_transport'
OUR_PORTS = BUILD / 'drivers/dpdk/xdp/our_ports.o'
BY_HAND = Path(__file__).resolve().parent / 'by_hand.py'
# Memory of no special kind, so that no huge pages are needed; no device of the machine is looked at.
ENVIRONMENT = ['-l', '0', '--no-pci', '--no-huge', '-m', '256', '--no-shconf', '--no-telemetry', '--log-level=*:error']
AF_XDP = 44


def need_dpdk():
    if not PLUGIN.exists():
        raise Skip('it was built without DPDK')


def need_af_xdp(net):
    need_dpdk()
    if not OUR_PORTS.exists():
        raise Skip('it was built without a compiler for BPF: bpf-gcc or clang')
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW).close()
    except OSError as error:
        raise Skip(f'the kernel has no AF_XDP: {error.strerror}') from None
    # Of an interface that is none it says so, if it is there.
    process = net.a.start([SERVER, '0.0.0.0:0', 1500, 'none', *ENVIRONMENT, '--vdev', 'net_af_xdp0,iface=none'],
                          net.folder / 'probe.log')
    process.child.wait(20)
    if 'failed to parse device' in Path(process.log_path).read_text():
        raise Skip('DPDK has no net_af_xdp here')


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
