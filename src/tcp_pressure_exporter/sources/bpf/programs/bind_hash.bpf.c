// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The ports that connect() skips: a walk over the hash table of bound ports.
 *
 * connect() skips a port, whatever the destination, if the port's bucket says that somebody bound
 * it: net/ipv4/inet_hashtables.c, __inet_hash_connect, "fastreuse >= 0 || fastreuseport >= 0".
 * The walk reads the buckets of the calling thread's network namespace, and of others on request,
 * without a lock. If a chain changes during the walk and leads into another one, it is walked
 * again. Where the kernel lets it, bind_hash_in_step.bpf.c does the same faster.
 *
 * Only reads. Linux 6.1 or later.
 */
#include "kernel.h"
#include "bound_ports.h"

/* The kernel offers its helpers only to programs under the GPL. This file, like the other programs
 * here, may be used under either licence; the rest of the package is under Apache-2.0. */
char LICENSE[] SEC("license") = "GPL";

#define LONGEST_CHAIN 65536
#define ATTEMPTS 3
#define BUCKET_BYTES 128 /* at most, up to its link */
#define HEAD_BYTES 64    /* at most */
#define SLICE 256        /* heads read at a time */

/* The heads of the chains to walk next. */
struct slice {
    __u8 bytes[SLICE * HEAD_BYTES];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct slice);
} heads SEC(".maps");

struct walk {
    struct net *net;
    __u32 everywhere;
    __u32 mix;
    __u64 table;
    __u32 mask;
    __u32 first;
    __u32 first_chain;
    __u32 copied; /* whether the heads from first_chain on are */
    __u32 chain;
    struct hlist_node *node;
    __u32 strayed;
};

/* A field of a bucket's copy. Reading the bucket in one piece is faster. */
#define FIELD(copy, type, field) \
    (*(type *)((copy) + bpf_core_field_offset(struct inet_bind_bucket, field)))

static __always_inline int is_bound(const __u8 *copy)
{
    return FIELD(copy, signed char, fastreuse) >= 0 || FIELD(copy, signed char, fastreuseport) >= 0;
}

/* Look at one bucket and move on to the next; return non-zero at the end of the chain. */
static long visit(__u32 index, struct walk *walk)
{
    const __u32 link = bpf_core_field_offset(struct inet_bind_bucket, node);
    __u8 copy[BUCKET_BYTES] __attribute__((aligned(8))) = {};
    struct net *net;
    __u16 port;
    __u32 mix;

    if (!walk->node || link + sizeof(void *) > sizeof copy)
        return 1;
    bpf_probe_read_kernel(copy, link + sizeof(void *), (void *)walk->node - link);
    net = FIELD(copy, struct net *, ib_net.net);
    port = FIELD(copy, __u16, port);
    mix = net == walk->net ? walk->mix : BPF_CORE_READ(net, hash_mix);
    /* inet_bhashfn */
    if (((port + mix) & walk->mask) != walk->chain) {
        walk->strayed = 1;
        return 1;
    }
    if (is_bound(copy) && (walk->everywhere || net == walk->net))
        add_port(net == walk->net, BPF_CORE_READ(net, ns.inum), port);
    walk->node = FIELD(copy, struct hlist_node *, node.next);
    return 0;
}

static __always_inline struct inet_bind_hashbucket *head_of(struct walk *walk, __u32 chain)
{
    return (void *)walk->table + (__u64)chain * bpf_core_type_size(struct inet_bind_hashbucket);
}

static long walk_again(__u32 attempt, struct walk *walk)
{
    struct inet_bind_hashbucket *head = head_of(walk, walk->chain);

    walk->node = BPF_CORE_READ(head, chain.first);
    walk->strayed = 0;
    bpf_loop(LONGEST_CHAIN, visit, walk, 0);
    return !walk->strayed;
}

static long walk_chain(__u32 index, struct walk *walk)
{
    __u64 offset = (__u64)index * bpf_core_type_size(struct inet_bind_hashbucket) +
                   bpf_core_field_offset(struct inet_bind_hashbucket, chain.first);
    __u32 only = 0;
    struct slice *slice = bpf_map_lookup_elem(&heads, &only);

    if (!slice || offset > sizeof slice->bytes - sizeof walk->node)
        return 1;
    walk->node = *(struct hlist_node **)(slice->bytes + offset);
    walk->strayed = !walk->copied;
    if (!walk->node && !walk->strayed)
        return 0;
    walk->chain = walk->first_chain + index;
    if (walk->chain > walk->mask)
        return 1;
    if (!walk->strayed)
        bpf_loop(LONGEST_CHAIN, visit, walk, 0);
    if (walk->strayed)
        bpf_loop(ATTEMPTS, walk_again, walk, 0);
    return 0;
}

/* Read the heads of some chains in one piece, for speed, and walk the chains. */
static long walk_slice(__u32 number, struct walk *walk)
{
    const __u32 size = bpf_core_type_size(struct inet_bind_hashbucket);
    __u32 only = 0;
    struct slice *slice = bpf_map_lookup_elem(&heads, &only);

    if (!slice || size > HEAD_BYTES)
        return 1;
    walk->first_chain = walk->first + number * SLICE;
    walk->copied =
        !bpf_probe_read_kernel(slice->bytes, SLICE * size, head_of(walk, walk->first_chain));
    bpf_loop(SLICE, walk_chain, walk, 0);
    return 0;
}

/* Whether heads and buckets fit the copies: on kernels that debug their locks they do not. */
static __always_inline int has_room(void)
{
    return bpf_core_type_size(struct inet_bind_hashbucket) <= HEAD_BYTES &&
           bpf_core_field_offset(struct inet_bind_bucket, node) + sizeof(void *) <= BUCKET_BYTES;
}

/* Walk args[2] chains from args[1], whole slices or the whole table. args[0]: also read the other
 * namespaces requested. Return the number of chains in the table, 0 if it cannot be read. */
SEC("raw_tp/walk_bind_hash")
int walk_bind_hash(struct bpf_raw_tracepoint_args *context)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);
    struct inet_hashinfo *tables = BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);
    __u32 chains = BPF_CORE_READ(tables, bhash_size);
    struct walk walk = {
        .net = net,
        .everywhere = context->args[0] != 0,
        .mix = BPF_CORE_READ(net, hash_mix),
        .table = (__u64)BPF_CORE_READ(tables, bhash),
        .mask = chains - 1,
        .first = context->args[1],
    };

    if (!has_room())
        return 0;
    bpf_loop((context->args[2] + SLICE - 1) / SLICE, walk_slice, &walk, 0);
    return chains;
}
