/* Walking many chains in step: what the programs that do so have in common.
 *
 * The program defines struct work, with a position in each chain that has not ended, and says how
 * entries are touched and read. `count` of the positions are for this round; the first `behind`
 * have been replaced by those for the next.
 */
#ifndef IN_STEP_H
#define IN_STEP_H

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct work);
} in_work SEC(".maps");

struct touched {
    __u64 all;
};

static __always_inline struct work *the_work(void)
{
    __u32 only = 0;

    return bpf_map_lookup_elem(&in_work, &only);
}

/* Bring IN_STEP entries into the cache, all at the same time. The result has no meaning. */
__noinline __u64 touch(__u32 first);

/* Read AT_ONCE entries and note where their chains continue. Several share a call because calls are
 * costly; only a few because the verifier follows the loop entry by entry. Not inlined, so that it
 * does this once. */
__noinline int visit_few(__u32 first);

static long visit_group(__u32 group, struct touched *touched)
{
    __u32 first = group * IN_STEP;

    touched->all ^= touch(first); /* used, so that it is not optimised away */
    for (__u32 i = 0; i < IN_STEP; i += AT_ONCE)
        visit_few(first + i);
    return 0;
}

/* Advance by one entry in each chain; return non-zero when all have ended. */
static long go_deeper(__u32 depth, struct touched *touched)
{
    struct work *work = the_work();

    if (!work || !work->behind)
        return 1;
    work->count = work->behind;
    work->behind = 0;
    bpf_loop((work->count + IN_STEP - 1) / IN_STEP, visit_group, touched, 0);
    return 0;
}

#endif
