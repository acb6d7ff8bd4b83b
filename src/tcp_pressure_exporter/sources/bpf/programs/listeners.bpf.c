// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Reports the listening sockets of a network namespace in sock_diag's format: as the messages of a
 * dump, so that the parsers of dumps can read them.
 *
 * Source: include/net/inet_hashtables.h, inet_hashinfo.lhash2: the hash table of listening sockets
 * by address and port, which all namespaces share. Its chains are walked without a lock, as in
 * connections.bpf.c. The messages: net/ipv4/inet_diag.c, inet_sk_diag_fill, and
 * net/ipv4/tcp_diag.c, tcp_diag_get_info; they hold the network namespace in place of the user.
 *
 * Only reads. Linux 6.2 or later.
 */
#include "table.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

#define TCP_LISTEN 10
#define LONGEST_CHAIN 1048576
#define GROUP 16 /* chains whose heads are read together */
#define MOST_LISTENERS 1024

/* include/uapi/linux/netlink.h, inet_diag.h */
#define NLM_F_MULTI 2
#define TCPDIAG_GETSOCK 18
#define INET_DIAG_SKV6ONLY 11
#define INET_DIAG_CGROUP_ID 21
#define INET_DIAG_SOCKOPT 22
#define SOCKOPT_TRANSPARENT (1 << 5)

/* include/net/inet_hashtables.h: the end of the first chain, unlike the ends in any other table */
#define LISTENING_NULLS_BASE (1U << 29)

/* One socket: struct nlmsghdr, struct inet_diag_msg and three attributes. */
struct listener {
    __u32 length;
    __u16 type, flags;
    __u32 sequence, port_id;

    __u8 family, state, timer, retransmits;
    __be16 local_port, remote_port;
    __be32 local[4], remote[4];
    __u32 interface, cookie[2];
    __u32 expires, receive_queue, send_queue, netns, inode;

    __u16 v6_only_length, v6_only_type;
    __u8 v6_only, padding[3];
    __u16 cgroup_length, cgroup_type;
    __u32 cgroup[2];
    __u16 option_length, option_type;
    __u8 option[2], more_padding[2];
};

struct listing {
    __u32 chains; /* of the whole table */
    __u32 listeners;
    struct listener listener[MOST_LISTENERS];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct listing);
} found SEC(".maps");

struct walk {
    __u64 net; /* 0: any */
    __u64 table;
    __u64 node;
    __u32 first, chain, strayed;
    __u32 ended; /* before the last chain: strayed, or no room */
    __u32 skipped, skip; /* of the sockets asked for */
};

static __always_inline struct listing *the_listing(void)
{
    __u32 only = 0;

    return bpf_map_lookup_elem(&found, &only);
}

static __always_inline __u8 is_transparent(__u64 address)
{
    struct inet_sock *sock = (void *)address;
    struct inet_sock___before_6_6 *before = (void *)address;

    if (bpf_core_field_exists(sock->inet_flags))
        return BPF_CORE_READ(sock, inet_flags) >> INET_FLAGS_TRANSPARENT & 1;
    return BPF_CORE_READ_BITFIELD_PROBED(before, transparent);
}

static __always_inline void read_ends(struct listener *to, __u64 address)
{
    struct sock_common *sock = AT(sock_common, address);

    to->family = sock->skc_family;
    to->state = TCP_LISTEN;
    to->local_port = __builtin_bswap16(sock->skc_num);
    to->interface = sock->skc_bound_dev_if;
    to->netns = sock->skc_net.net->ns.inum;
    to->local[0] = to->local[1] = to->local[2] = to->local[3] = 0;
    if (sock->skc_family == AF_INET)
        to->local[0] = sock->skc_rcv_saddr;
    else
        for (int i = 0; i < 4; i++)
            to->local[i] = sock->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
    to->v6_only = BPF_CORE_READ_BITFIELD_PROBED((struct sock_common *)address, skc_ipv6only);
}

static __always_inline void read_socket(struct listener *to, __u64 address)
{
    struct sock *sock = AT(sock, address);
    __u64 file = (__u64)sock->sk_socket, cgroup = sock->sk_cgrp_data.cgroup->kn->id;

    to->receive_queue = sock->sk_ack_backlog;
    to->send_queue = sock->sk_max_ack_backlog;
    to->inode = file ? AT(socket_alloc, file)->vfs_inode.i_ino : 0;
    to->cgroup[0] = cgroup;
    to->cgroup[1] = cgroup >> 32;
    to->option[0] = is_transparent(address) ? SOCKOPT_TRANSPARENT : 0;
}

static __always_inline void write_heads(struct listener *to)
{
    to->length = sizeof *to;
    to->type = TCPDIAG_GETSOCK;
    to->flags = NLM_F_MULTI;
    to->v6_only_length = 5;
    to->v6_only_type = INET_DIAG_SKV6ONLY;
    to->cgroup_length = 12;
    to->cgroup_type = INET_DIAG_CGROUP_ID;
    to->option_length = 6;
    to->option_type = INET_DIAG_SOCKOPT;
}

static __always_inline int is_asked_for(struct walk *walk, __u64 address)
{
    struct sock_common *sock = AT(sock_common, address);

    if ((walk->net && (__u64)sock->skc_net.net != walk->net) || sock->skc_state != TCP_LISTEN)
        return 0;
    if (walk->skipped < walk->skip) {
        walk->skipped++;
        return 0;
    }
    return 1;
}

/* Report a socket and move on to the next; return non-zero at the end of the chain. */
static long visit(__u32 index, struct walk *walk)
{
    struct listing *listing = the_listing();
    __u64 address = walk->node - NODE;

    if (!listing || IS_END(walk->node))
        return 1;
    if (is_asked_for(walk, address)) {
        __u32 place = listing->listeners;

        listing->listeners = place + 1;
        if (place >= MOST_LISTENERS)
            return 1;
        read_ends(&listing->listener[place], address);
        read_socket(&listing->listener[place], address);
        write_heads(&listing->listener[place]);
    }
    walk->node = number_at(walk->node);
    return 0;
}

static __always_inline __u64 head_of(const struct walk *walk, __u32 chain)
{
    return walk->table + (__u64)chain * bpf_core_type_size(struct inet_listen_hashbucket) +
           bpf_core_field_offset(struct inet_listen_hashbucket, nulls_head);
}

static long walk_chain(__u32 index, struct walk *walk)
{
    struct listing *listing = the_listing();

    walk->chain = walk->first + index;
    walk->node = number_at(head_of(walk, walk->chain));
    if (!IS_END(walk->node))
        bpf_loop(LONGEST_CHAIN, visit, walk, 0);
    walk->ended = !listing || listing->listeners > MOST_LISTENERS;
    if (!walk->ended && walk->node >> 1 != LISTENING_NULLS_BASE + walk->chain)
        walk->ended = walk->strayed = 1;
    return walk->ended != 0;
}

/* Walk the next group of chains. Nearly all groups are empty: each head is its chain's end. */
static long walk_group(__u32 group, struct walk *walk)
{
    __u64 head = head_of(walk, walk->first), others = 0;

#pragma unroll
    for (int i = 0; i < GROUP; i++) {
        others |= number_at(head) ^ (LISTENING_NULLS_BASE + walk->first + i) * 2 + 1;
        head += bpf_core_type_size(struct inet_listen_hashbucket);
    }
    if (others)
        bpf_loop(GROUP, walk_chain, walk, 0);
    walk->first += GROUP;
    return walk->ended != 0;
}

/* Walk args[1] chains from args[0], and skip the first args[2] sockets; args[3]: report those of
 * all network namespaces, not only the calling thread's. */
SEC("raw_tp/walk_listeners")
int walk_listeners(struct bpf_raw_tracepoint_args *context)
{
    struct nsproxy *spaces = bpf_get_current_task_btf()->nsproxy;
    struct inet_hashinfo *tables = spaces->net_ns->ipv4.tcp_death_row.hashinfo;
    struct listing *listing = the_listing();
    __u64 first = context->args[0], chains = context->args[1];
    struct walk walk = {.first = first, .skip = context->args[2]};

    if (!listing)
        return STRAYED;
    listing->chains = tables->lhash2_mask + 1;
    listing->listeners = 0;
    if (first > listing->chains || chains > listing->chains - first)
        return STRAYED;
    walk.table = number_at((__u64)&tables->lhash2);
    walk.net = context->args[3] ? 0 : number_at((__u64)&spaces->net_ns);
    bpf_loop(chains / GROUP, walk_group, &walk, 0);
    if (!walk.ended)
        bpf_loop(chains % GROUP, walk_chain, &walk, 0);
    if (listing->listeners > MOST_LISTENERS)
        return NO_ROOM;
    return walk.strayed ? STRAYED : WALKED;
}
