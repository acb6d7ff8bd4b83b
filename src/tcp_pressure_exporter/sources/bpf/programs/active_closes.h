/* Counts each connection whose first FIN this end sends, and records who sent it: an active close
 * (RFC 9293, section 3.6). Such a close leaves a TIME_WAIT entry behind.
 *
 * The socket moves to FIN_WAIT1 on close(), on shutdown(), or when its process ends (net/ipv4/
 * tcp.c, tcp_close_state). The running process is then the one that closes, or a kernel thread
 * acts in its place. A socket that sends a reset instead moves to CLOSE, and does not count.
 *
 * There are two tables of rows. One receives new rows while the other is read in full and emptied,
 * so nothing is lost. The last bit of `generation` says which one receives.
 */
#ifndef ACTIVE_CLOSES_H
#define ACTIVE_CLOSES_H

#include "counting.h"

#define DIRECTION_OUTBOUND 0
#define DIRECTION_INBOUND 1
#define PROT_SOCK 1024

/* Which local ports an outbound connection comes from: those that connect() chooses, those below
 * 1024, or others. The parsers distinguish pools in the same way (sources/counting). */
#define PORTS_CHOSEN 0
#define PORTS_PRIVILEGED 1
#define PORTS_OUTSIDE 2

/* The direction of a close, in one network namespace and generation. */
struct close_kind {
    __u32 netns;
    __u8 direction;
    __u8 odd;
    __u8 padding[2];
};

/* Who closed, and in which pool: IPv4 addresses are v4-mapped; the port is the fixed one. */
struct active_close {
    __u32 netns;
    __u8 direction;
    __u8 ports;
    __u16 port;
    __u64 cgroup;
    __u8 local[16];
    __u8 remote[16];
    char process[16];
    __u32 interface;
    __u8 padding[4];
};

struct closes {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct active_close);
    __type(value, __u64);
};

struct closes closes_even SEC(".maps");
struct closes closes_odd SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} generation SEC(".maps");

/* The closes that found no room above; closes_lost counts those that found none here either. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, struct close_kind);
    __type(value, __u64);
} closes_overflow SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} closes_lost SEC(".maps");

static __always_inline int in_range(struct netns_ipv4 *net, __u16 port)
{
    struct local_ports *ports = &net->ip_local_ports;
    struct local_ports___before_6_8 *before = (void *)ports;

    if (bpf_core_field_exists(ports->range)) {
        __u32 range = ports->range;

        return port >= (range & 0xffff) && port <= range >> 16;
    }
    return port >= BPF_CORE_READ(before, range[0]) && port <= BPF_CORE_READ(before, range[1]);
}

/* Both architectures that the package is built for are little-endian: bit p is in byte p / 8. */
static __always_inline int is_reserved(struct netns_ipv4 *net, __u16 port)
{
    __u8 eight = 0;

    bpf_probe_read_kernel(&eight, 1, (__u8 *)net->sysctl_local_reserved_ports + (port >> 3));
    return eight >> (port & 7) & 1;
}

/* If the application named no port, connect() chose it. */
static __always_inline __u8 ports_of(struct sock *sock, struct netns_ipv4 *net, __u16 port)
{
    if (!(BPF_CORE_READ_BITFIELD_PROBED(sock, sk_userlocks) & SOCK_BINDPORT_LOCK))
        return PORTS_CHOSEN;
    if (in_range(net, port) && !is_reserved(net, port))
        return PORTS_CHOSEN;
    return port < PROT_SOCK ? PORTS_PRIVILEGED : PORTS_OUTSIDE;
}

/* An accepted socket keeps its listener's backlog, even after the listener has gone; a socket that
 * connected has none. */
static __always_inline void read_pool(struct active_close *close, struct sock *sock)
{
    struct sock_common *common = &sock->__sk_common;
    struct net *net = common->skc_net.net;

    close->netns = number_of(net);
    close->interface = common->skc_bound_dev_if;
    read_addresses(close->local, close->remote, common);
    if (sock->sk_max_ack_backlog) {
        close->direction = DIRECTION_INBOUND;
        close->port = common->skc_num;
    } else {
        close->port = __builtin_bswap16(common->skc_dport);
        close->ports = ports_of(sock, &net->ipv4, common->skc_num);
    }
}

/* Look at a socket that is moving to FIN_WAIT1. */
static __always_inline void count_active_close(struct sock *sock)
{
    if (sock->sk_protocol != IPPROTO_TCP || !is_sampled(sock->__sk_common.skc_net.net))
        return;
    struct active_close close = {.cgroup = bpf_get_current_cgroup_id()};
    __u32 only = 0;
    __u64 *now = bpf_map_lookup_elem(&generation, &only);
    __u8 odd = now && *now & 1;

    read_process(close.process);
    read_pool(&close, sock);
    if (odd ? count_in(&closes_odd, &close) : count_in(&closes_even, &close))
        return;
    struct close_kind kind = {.netns = close.netns, .direction = close.direction, .odd = odd};
    if (!count_in(&closes_overflow, &kind))
        count_once_more(&closes_lost);
}

#endif
