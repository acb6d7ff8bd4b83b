// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The ports that connect() skips, as bind_hash.bpf.c finds them, but faster: many chains are walked
 * in step, as in connections.bpf.c, and nothing is copied.
 *
 * Only reads. Linux 6.2 or later.
 */
#include "table.h"
#include "bound_ports.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

#define IN_STEP 16
#define AT_ONCE 4        /* of these IN_STEP buckets, read in one call */
#define MOST_CHAINS 1024 /* in step: a power of two */
#define LONGEST_CHAIN 65536
#define ATTEMPTS 3

/* What a walk still has to do: in_step.h. first, end: the chains not yet begun. */
struct work {
    __u64 net;
    __u64 table;
    __u64 touched;
    __u32 everywhere, mask;
    __u32 first, end, count, behind, strayed, attempts;
    __u64 node[MOST_CHAINS];
    __u32 chain[MOST_CHAINS];
};

#include "in_step.h"

/* Note where a chain continues; if it does not, the next one takes the place. There are never more
 * than MOST_CHAINS. Without a branch: the processor cannot guess it, and the verifier would follow
 * both ways. The barrier keeps the compiler from making one. */
static __always_inline void go_on(struct work *work, __u32 chain, __u64 node)
{
    __u32 place = work->behind;
    __u64 more = node | -node;

    asm volatile("" : "+r"(more));
    work->node[place % MOST_CHAINS] = node;
    work->chain[place % MOST_CHAINS] = chain;
    work->behind = place + (more >> 63);
}

/* Note the chains of a group that are not empty. */
static long begin_chains(__u32 group, void *unused)
{
    const __u32 size = bpf_core_type_size(struct inet_bind_hashbucket);
    struct work *work = the_work();
    __u64 node[IN_STEP], any = 0;

    if (!work)
        return 1;
    __u32 first = work->first + group * IN_STEP;
    __u64 head = work->table + (__u64)first * size +
                 bpf_core_field_offset(struct inet_bind_hashbucket, chain.first);
#pragma unroll
    for (int i = 0; i < IN_STEP; i++) {
        node[i] = number_at(head + (__u64)i * size);
        any |= node[i];
    }
    if (!any)
        return 0;
    for (int i = 0; i < IN_STEP; i++)
        go_on(work, first + i, node[i]);
    return 0;
}

/* After the last bucket come some that were read before, or nothing. */
__noinline __u64 touch(__u32 first)
{
    struct work *work = the_work();
    __u64 touched = 0;

    if (!work)
        return 0;
#pragma unroll
    for (int i = 0; i < IN_STEP; i++)
        touched ^= number_at(work->node[(first + i) % MOST_CHAINS]);
    return touched;
}

static __always_inline void visit(struct work *work, __u32 place)
{
    /* As in connections.bpf.c. */
    asm volatile("" : "+r"(place));
    if (place >= work->count || place >= MOST_CHAINS)
        return;
    __u64 node = work->node[place];
    __u32 chain = work->chain[place];
    __u64 address = node - bpf_core_field_offset(struct inet_bind_bucket, node);
    struct inet_bind_bucket *bucket = AT(inet_bind_bucket, address);
    __u64 net = number_at(address + bpf_core_field_offset(struct inet_bind_bucket, ib_net.net));
    __u16 port = bucket->port;

    /* inet_bhashfn */
    if (((port + AT(net, net)->hash_mix) & work->mask) != chain) {
        work->strayed = 1;
        return;
    }
    if ((bucket->fastreuse >= 0 || bucket->fastreuseport >= 0) &&
        (work->everywhere || net == work->net))
        add_port(net == work->net, AT(net, net)->ns.inum, port);
    go_on(work, chain, number_at(node));
}

__noinline int visit_few(__u32 first)
{
    struct work *work = the_work();

    if (!work)
        return 0;
#pragma clang loop unroll(disable)
    for (__u32 i = 0; i < AT_ONCE; i++)
        visit(work, first + i);
    return 0;
}

/* Walk the next chains; if one led into another, walk them again. */
static long walk_slice(__u32 number, struct touched *touched)
{
    struct work *work = the_work();

    if (!work || work->first >= work->end)
        return 1;
    __u32 left = work->end - work->first;
    work->behind = work->strayed = 0;
    bpf_loop((left < MOST_CHAINS ? left : MOST_CHAINS) / IN_STEP, begin_chains, NULL, 0);
    bpf_loop(LONGEST_CHAIN, go_deeper, touched, 0);
    work->attempts++;
    if (work->strayed && work->attempts < ATTEMPTS)
        return 0;
    work->attempts = 0;
    work->first += MOST_CHAINS;
    return 0;
}

/* As in bind_hash.bpf.c, with multiples of IN_STEP. */
SEC("raw_tp/walk_bind_hash")
int walk_bind_hash(struct bpf_raw_tracepoint_args *context)
{
    struct nsproxy *spaces = bpf_get_current_task_btf()->nsproxy;
    struct inet_hashinfo *tables = spaces->net_ns->ipv4.tcp_death_row.hashinfo;
    struct work *work = the_work();
    struct touched touched = {0};

    if (!work)
        return 0;
    work->net = number_at((__u64)&spaces->net_ns);
    work->table = number_at((__u64)&tables->bhash);
    work->everywhere = context->args[0] != 0;
    work->mask = tables->bhash_size - 1;
    work->first = context->args[1];
    work->end = context->args[1] + context->args[2];
    if (work->end > tables->bhash_size || tables->bhash_size < IN_STEP)
        return 0;
    work->attempts = 0;
    bpf_loop(LONGEST_CHAIN, walk_slice, &touched, 0);
    work->touched = touched.all;
    return tables->bhash_size;
}
