// Decides, in the kernel and ahead of it, what an interface that the kernel keeps brings us: datagrams of UDP over IPv4
// to our address and one of our ports. They go past the kernel. All else is the kernel's, as if we were not there: ARP,
// ping, TCP, other ports, and fragments, since only the first of a datagram says for which port it is.
//
// Compiled for the kernel's virtual machine, loaded by DPDK's af_xdp, and run for each frame that arrives. The kernel
// accepts it only since it reads no byte before it knows it to be within the frame. What it takes is what frame.h and
// link.h call ours; lengths and checksums are verified there.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#define VLAN_BITS 0x0fff        // of a tag: the others are priorities
#define FRAGMENT_BITS 0x3fff    // "more follow", and the offset

/// Sockets by queue, filled in by af_xdp, which looks for this name.
struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 256);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

/// What is ours: xdp_program.cpp writes it into a copy of this object, behind the marker, which it looks for. As it
/// stands here nothing is. In network order.
const volatile struct {
    char marker[16];
    __be32 address;
    __be16 vlan;   ///< 0: without a tag
    __be16 first_port, last_port;
} ours = {.marker = "penstock's ports", .first_port = bpf_htons(1), .last_port = 0};

struct tag {
    __be16 bits, type;
};

static int is_ours(void *at, void *end) {
    struct ethhdr *ethernet = at;
    at = ethernet + 1;
    if (at > end) return 0;
    __be16 type = ethernet->h_proto;
    __be16 vlan = 0;
    if (type == bpf_htons(ETH_P_8021Q)) {
        struct tag *tag = at;
        at = tag + 1;
        if (at > end) return 0;
        vlan = tag->bits & bpf_htons(VLAN_BITS);
        type = tag->type;
    }
    if (type != bpf_htons(ETH_P_IP) || vlan != ours.vlan) return 0;

    struct iphdr *ip = at;
    if ((void *)(ip + 1) > end) return 0;
    if (ip->version != 4 || ip->ihl < 5 || ip->protocol != IPPROTO_UDP) return 0;
    if (ip->daddr != ours.address || (ip->frag_off & bpf_htons(FRAGMENT_BITS)) != 0) return 0;

    struct udphdr *udp = at + ip->ihl * 4;
    if ((void *)(udp + 1) > end) return 0;
    const __u16 port = bpf_ntohs(udp->dest);
    return port >= bpf_ntohs(ours.first_port) && port <= bpf_ntohs(ours.last_port);
}

SEC("xdp")
int our_ports(struct xdp_md *frame) {
    if (!is_ours((void *)(long)frame->data, (void *)(long)frame->data_end)) return XDP_PASS;
    return bpf_redirect_map(&xsks_map, frame->rx_queue_index, XDP_PASS);   // where no socket listens: the kernel's, too
}

const char license_name[] SEC("license") = "Apache-2.0";
