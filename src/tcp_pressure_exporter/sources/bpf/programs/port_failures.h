/* The calls that fail for want of a local port, by kind and by caller: shared by every object that
 * counts them. Each object has its own maps.
 */
#ifndef PORT_FAILURES_H
#define PORT_FAILURES_H

#include "counting.h"

#define CALL_CONNECT 0
#define CALL_BIND 1
#define CAUSE_NO_PORT 0
#define CAUSE_PORT_TAKEN 1

/* A kind of failure in one network namespace. */
struct kind {
    __u32 netns;
    __u8 call;
    __u8 cause;
    __u8 padding[2];
};

/* Whose call it was: IPv4 addresses are v4-mapped; the port is the remote end's or, for bind(), the
 * one requested. */
struct failure {
    struct kind kind;
    __u64 cgroup;
    __u8 local[16];
    __u8 remote[16];
    char process[16];
    __u16 port;
    __u8 padding[6];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, struct failure);
    __type(value, __u64);
} failures SEC(".maps");

/* The failures that found no room above; `lost` counts those that found none here either. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, struct kind);
    __type(value, __u64);
} overflow SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} lost SEC(".maps");

static __always_inline void begin_failure(struct failure *failure, struct sock *sock, __u8 call,
                                          __u8 cause)
{
    failure->kind.netns = number_of(sock->__sk_common.skc_net.net);
    failure->kind.call = call;
    failure->kind.cause = cause;
    failure->cgroup = bpf_get_current_cgroup_id();
    read_process(failure->process);
}

static __always_inline void count_failure(const struct failure *failure)
{
    if (!count_in(&failures, failure) && !count_in(&overflow, &failure->kind))
        count_once_more(&lost);
}

#endif
