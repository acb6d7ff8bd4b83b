// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The ports that connect() skips: a walk over the hash table of bound ports.
 *
 * connect() passes over a port, whatever the destination, where its bucket says that somebody
 * bound it: net/ipv4/inet_hashtables.c, __inet_hash_connect, "fastreuse >= 0 || fastreuseport >= 0".
 * The buckets of the network namespace of the calling thread are looked at, without a lock: a chain
 * that changed under the walk, so that it led into another one, is walked again.
 *
 * Only reads. Linux 6.1 or later.
 */
#include "kernel.h"

/* The kernel lends its helpers to programs under the GPL alone. This file, like the other programs
 * here, may be used under either licence; everything else of the package is under Apache-2.0. */
char LICENSE[] SEC("license") = "GPL";

#define PORTS 65536
#define LONGEST_CHAIN 65536
#define ATTEMPTS 3

/* Bit p & 7 of byte p >> 3 for port p. The caller clears it. */
struct port_bitmap {
    __u8 bytes[PORTS / 8];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct port_bitmap);
} skipped_ports SEC(".maps");

struct walk {
    struct net *net;
    __u64 table;
    __u32 mask;
    __u32 chain;
    struct hlist_node *node;
    __u32 strayed;
};

static __always_inline int is_bound(struct inet_bind_bucket *bucket)
{
    return BPF_CORE_READ(bucket, fastreuse) >= 0 || BPF_CORE_READ(bucket, fastreuseport) >= 0;
}

static __always_inline void add_port(__u16 port)
{
    __u32 only = 0;
    struct port_bitmap *found = bpf_map_lookup_elem(&skipped_ports, &only);

    if (found)
        found->bytes[port >> 3] |= 1 << (port & 7);
}

/* Look at one bucket and go on to the next; not 0 at the end of the chain. */
static long visit(__u32 index, struct walk *walk)
{
    struct inet_bind_bucket *bucket;
    struct net *net;
    __u16 port;

    if (!walk->node)
        return 1;
    bucket = (void *)walk->node - bpf_core_field_offset(struct inet_bind_bucket, node);
    net = BPF_CORE_READ(bucket, ib_net.net);
    port = BPF_CORE_READ(bucket, port);
    /* inet_bhashfn */
    if (((port + BPF_CORE_READ(net, hash_mix)) & walk->mask) != walk->chain) {
        walk->strayed = 1;
        return 1;
    }
    if (net == walk->net && is_bound(bucket))
        add_port(port);
    walk->node = BPF_CORE_READ(bucket, node.next);
    return 0;
}

static long walk_chain(__u32 chain, struct walk *walk)
{
    struct inet_bind_hashbucket *head =
        (void *)walk->table + (__u64)chain * bpf_core_type_size(struct inet_bind_hashbucket);

    walk->chain = chain;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        walk->node = BPF_CORE_READ(head, chain.first);
        if (!walk->node)
            return 0;
        walk->strayed = 0;
        bpf_loop(LONGEST_CHAIN, visit, walk, 0);
        if (!walk->strayed)
            return 0;
    }
    return 0;
}

SEC("raw_tp/walk_bind_hash")
int walk_bind_hash(void *context)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);
    struct inet_hashinfo *tables = BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);
    __u32 chains = BPF_CORE_READ(tables, bhash_size);
    struct walk walk = {
        .net = net,
        .table = (__u64)BPF_CORE_READ(tables, bhash),
        .mask = chains - 1,
    };

    bpf_loop(chains, walk_chain, &walk, 0);
    return 0;
}
