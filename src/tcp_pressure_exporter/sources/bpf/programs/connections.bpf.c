// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Reports every connection of a network namespace in the kernel's table, block by block.
 *
 * Source: include/net/inet_hashtables.h, struct inet_hashinfo. The chains are walked without a
 * lock, under RCU, as in the kernel's own search (Documentation/RCU/rculist_nulls.rst). An entry
 * can move to another chain during the walk. The walk then reaches the end of that other chain,
 * and these chains are walked again.
 *
 * A table of a million connections is scattered across memory, and a walk waits for most entries.
 * So all chains of a block are walked in step, and IN_STEP entries are touched before any is read:
 * the waits overlap.
 *
 * Only reads. Linux 6.2 or later.
 */
#include "table.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

#define IN_STEP 16
#define AT_ONCE 4 /* of these IN_STEP entries, read in one call */
#define MOST_CHAINS 1024 /* in one walk: a power of two, and a multiple of IN_STEP */
#define LONGEST_CHAIN 65536

#define TCP_SYN_RECV 3
#define TCP_TIME_WAIT 6
#define TCP_CLOSE_WAIT 8
#define TCP_NEW_SYN_RECV 12
/* include/net/inet_connection_sock.h, icsk_pending; and what inet_sk_diag_fill turns it into */
#define ICSK_TIME_RETRANS 1
#define ICSK_TIME_PROBE0 3
#define ICSK_TIME_LOSS_PROBE 5
#define ICSK_TIME_REO_TIMEOUT 6
#define TIMER_RETRANSMIT 1
#define TIMER_WINDOW_PROBE 4

#define MOST_CONNECTIONS 8192
#define MOST_CLOSE_WAIT 2048

/* One connection. The addresses are v4-mapped, the ports in network order.
 * left: ticks left in TIME_WAIT; set only there, and in FIN_WAIT2 without a socket.
 * identity: tells an entry in TIME_WAIT from others in the same chains, and from an earlier one
 * with the same ends; it stays the same for as long as the entry exists.
 * detail: for a connection in CLOSE_WAIT, the position of its struct close_wait, from 1. */
struct connection {
    __be32 local[4];
    __be32 remote[4];
    __u32 interface;
    __u32 left;
    __u32 identity;
    __u32 netns;
    __be16 local_port;
    __be16 remote_port;
    __u8 state;
    __u8 padding;
    __u16 detail;
};

/* What else sock_diag reports, and for how many ticks the peer has been silent. */
struct close_wait {
    __u64 cgroup;
    __u64 cookie; /* as identity above */
    __u32 inode;
    __u32 receive_queue;
    __u32 send_queue;
    __u32 silent;
    __u8 timer;
    __u8 retransmits;
    __u8 padding[6];
};

struct block {
    __u32 chains; /* of the whole table */
    __u32 connections, close_waits;
    __u32 is_private; /* the table belongs to this network namespace alone */
    struct connection connection[MOST_CONNECTIONS];
    struct close_wait close_wait[MOST_CLOSE_WAIT];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct block);
} found SEC(".maps");

/* What a walk still has to do: in_step.h. */
struct work {
    __u64 net; /* 0: any */
    __u64 table;
    __u64 now; /* in ticks */
    __u64 touched;
    __u32 first, count, behind, strayed;
    __u64 node[MOST_CHAINS];
    __u32 chain[MOST_CHAINS];
};

#include "in_step.h"

static __always_inline struct block *the_block(void)
{
    __u32 only = 0;

    return bpf_map_lookup_elem(&found, &only);
}

static __always_inline void map_v4(__be32 *to, __be32 address)
{
    to[0] = to[1] = 0;
    to[2] = __builtin_bswap32(0xffff);
    to[3] = address;
}

static __always_inline void copy_v6(__be32 *to, const struct in6_addr *address)
{
    for (int i = 0; i < 4; i++)
        to[i] = address->in6_u.u6_addr32[i];
}

static __always_inline __u32 ticks_left(const struct inet_timewait_sock *entry, __u64 now)
{
    __s64 left = entry->tw_timer.expires - now;

    return left < 0 ? 0 : left > 0xffffffff ? 0xffffffff : left;
}

/* net/ipv4/inet_diag.c, inet_sk_diag_fill: the part that shows why a socket is in CLOSE_WAIT. */
static __always_inline void read_timer(struct close_wait *to, __u64 address)
{
    struct inet_connection_sock *sock = AT(inet_connection_sock, address);

    to->timer = to->retransmits = 0;
    switch (sock->icsk_pending) {
    case ICSK_TIME_RETRANS:
    case ICSK_TIME_LOSS_PROBE:
    case ICSK_TIME_REO_TIMEOUT:
        to->timer = TIMER_RETRANSMIT;
        to->retransmits = sock->icsk_retransmits;
        break;
    case ICSK_TIME_PROBE0:
        to->timer = TIMER_WINDOW_PROBE;
        to->retransmits = sock->icsk_probes_out;
    }
}

/* net/ipv4/tcp_diag.c, tcp_diag_get_info */
static __always_inline void read_queues(struct close_wait *to, __u64 address)
{
    struct tcp_sock *sock = AT(tcp_sock, address);
    __s32 unread = sock->rcv_nxt - sock->copied_seq;

    to->receive_queue = unread < 0 ? 0 : unread;
    to->send_queue = sock->write_seq - sock->snd_una;
    to->silent = (__u32)bpf_jiffies64() - sock->rcv_tstamp;
    /* The peer sends nothing more, so its sequence number stays the same. */
    to->cookie = (__u64)AT(sock_common, address)->skc_hash << 32 | sock->rcv_nxt;
}

static __always_inline void read_owner(struct close_wait *to, __u64 address)
{
    struct sock *sock = AT(sock, address);
    __u64 file = (__u64)sock->sk_socket;

    to->cgroup = sock->sk_cgrp_data.cgroup->kn->id;
    to->inode = file ? AT(socket_alloc, file)->vfs_inode.i_ino : 0;
}

/* Return the position of the details, from 1; 0 if there is no room. Not inlined, for the
 * verifier's sake, like visit_few below. */
__noinline int add_close_wait(__u64 address)
{
    struct block *block = the_block();

    if (!block)
        return 0;
    __u32 place = block->close_waits;
    block->close_waits = place + 1;
    if (place >= MOST_CLOSE_WAIT)
        return 0;
    read_timer(&block->close_wait[place], address);
    read_queues(&block->close_wait[place], address);
    read_owner(&block->close_wait[place], address);
    return place + 1;
}

static __always_inline void read_time_wait(struct connection *to, __u64 address, __u64 now)
{
    struct inet_timewait_sock *entry = AT(inet_timewait_sock, address);
    struct sock_common *sock = AT(sock_common, address);

    to->state = entry->tw_substate;
    to->left = ticks_left(entry, now);
    to->identity = sock->skc_hash ^ sock->skc_tw_snd_nxt * 0x9e3779b1u;
}

static __always_inline void read_ends(struct connection *to, const struct sock_common *sock)
{
    if (sock->skc_family == AF_INET) {
        map_v4(to->local, sock->skc_rcv_saddr);
        map_v4(to->remote, sock->skc_daddr);
    } else {
        copy_v6(to->local, &sock->skc_v6_rcv_saddr);
        copy_v6(to->remote, &sock->skc_v6_daddr);
    }
    to->interface = sock->skc_bound_dev_if;
    to->local_port = __builtin_bswap16(sock->skc_num);
    to->remote_port = sock->skc_dport;
}

/* Read an entry of the table, if it belongs to the requested network namespace. */
static __always_inline void read_entry(struct block *block, struct work *work, __u64 node)
{
    __u64 address = node - NODE;
    struct sock_common *sock = AT(sock_common, address);
    struct net *net = sock->skc_net.net;

    if (work->net && (__u64)net != work->net)
        return;
    __u8 state = sock->skc_state;
    /* The entry is about to replace another one, or about to go, or its memory is about to become
     * another entry. net/ipv4/inet_diag.c, inet_diag_dump_icsk, skips such entries, too. */
    if (!state || !sock->skc_refcnt.refs.counter)
        return;
    __u32 place = block->connections;
    block->connections = place + 1;
    if (place >= MOST_CONNECTIONS)
        return;
    struct connection *to = &block->connection[place];
    read_ends(to, sock);
    to->netns = net->ns.inum;
    to->state = state == TCP_NEW_SYN_RECV ? TCP_SYN_RECV : state;
    to->left = to->identity = to->detail = 0;
    if (state == TCP_TIME_WAIT)
        read_time_wait(to, address, work->now);
    if (state == TCP_CLOSE_WAIT)
        to->detail = add_close_wait(address);
}

/* Note where a chain continues; if it does not, the next one takes the place. There are never more
 * than MOST_CHAINS. At an end, note if that is the end of another chain. Without a branch: the
 * processor cannot guess it. The barriers keep the compiler from making one. */
static __always_inline void go_on(struct work *work, __u32 chain, __u64 node)
{
    __u32 place = work->behind;
    __u64 more = ~node & 1, other = (node >> 1) ^ chain;

    asm volatile("" : "+r"(more));
    other |= -other;
    asm volatile("" : "+r"(other));
    work->node[place % MOST_CHAINS] = node;
    work->chain[place % MOST_CHAINS] = chain;
    work->behind = place + more;
    work->strayed |= node & other >> 63;
}

/* Note the chains of a group that are not empty. */
static long begin_chains(__u32 group, void *unused)
{
    struct work *work = the_work();
    __u64 node[IN_STEP], empty = 1;

    if (!work)
        return 1;
    __u32 first = work->first + group * IN_STEP;
#pragma unroll
    for (int i = 0; i < IN_STEP; i++) {
        node[i] = number_at(work->table + (__u64)(first + i) * sizeof(__u64));
        empty &= node[i];
    }
    if (empty)
        return 0;
    for (int i = 0; i < IN_STEP; i++)
        go_on(work, first + i, node[i]);
    return 0;
}

/* After the last entry come some that were read before, or nothing. */
__noinline __u64 touch(__u32 first)
{
    struct work *work = the_work();
    __u64 touched = 0;

    if (!work)
        return 0;
#pragma unroll
    for (int i = 0; i < IN_STEP; i++) {
        __u64 node = work->node[(first + i) % MOST_CHAINS];

        touched ^= number_at(node) ^ AT(sock_common, node - NODE)->skc_daddr ^
                   AT(inet_timewait_sock, node - NODE)->tw_timer.expires;
    }
    return touched;
}

static __always_inline void visit(struct block *block, struct work *work, __u32 place)
{
    /* Without the barrier the compiler steps pointers instead, which the verifier cannot bound. */
    asm volatile("" : "+r"(place));
    if (place >= work->count || place >= MOST_CHAINS)
        return;
    __u64 node = work->node[place];
    __u32 chain = work->chain[place];
    read_entry(block, work, node);
    go_on(work, chain, number_at(node));
}

__noinline int visit_few(__u32 first)
{
    struct block *block = the_block();
    struct work *work = the_work();

    if (!block || !work)
        return 0;
#pragma clang loop unroll(disable)
    for (__u32 i = 0; i < AT_ONCE; i++)
        visit(block, work, first + i);
    return 0;
}

/* Walk args[1] chains from args[0], both multiples of IN_STEP; args[2]: report the connections of
 * all network namespaces that share the calling thread's table. */
SEC("raw_tp/walk_connections")
int walk_connections(struct bpf_raw_tracepoint_args *context)
{
    struct nsproxy *spaces = bpf_get_current_task_btf()->nsproxy;
    struct inet_hashinfo *tables = spaces->net_ns->ipv4.tcp_death_row.hashinfo;
    struct block *block = the_block();
    struct work *work = the_work();
    __u64 first = context->args[0], chains = context->args[1];
    struct touched touched = {0};

    if (!block || !work)
        return STRAYED;
    block->chains = tables->ehash_mask + 1;
    block->is_private = bpf_core_field_exists(tables->pernet) && tables->pernet;
    block->connections = block->close_waits = 0;
    if (first > block->chains || chains > block->chains - first || chains > MOST_CHAINS)
        return STRAYED;
    work->table = number_at((__u64)&tables->ehash);
    work->net = context->args[2] ? 0 : number_at((__u64)&spaces->net_ns);
    work->now = bpf_jiffies64();
    work->first = first;
    work->behind = work->strayed = 0;
    bpf_loop(chains / IN_STEP, begin_chains, NULL, 0);
    bpf_loop(LONGEST_CHAIN, go_deeper, &touched, 0);
    work->touched = touched.all;
    if (block->connections > MOST_CONNECTIONS || block->close_waits > MOST_CLOSE_WAIT)
        return NO_ROOM;
    return work->strayed || work->behind ? STRAYED : WALKED;
}
