/* The kernel's types as far as the programs read them. Where a field really is, the kernel itself
 * finds out from its own BTF when it loads a program (CO-RE), so that one build serves all.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
    struct hlist_node *next;
};

struct hlist_head {
    struct hlist_node *first;
};

struct ns_common {
    unsigned int inum;
};

/* include/net/inet_hashtables.h */
struct inet_bind_hashbucket {
    struct hlist_head chain;
};

struct inet_hashinfo {
    struct inet_bind_hashbucket *bhash;
    unsigned int bhash_size;
};

struct inet_timewait_death_row {
    struct inet_hashinfo *hashinfo;
};

struct netns_ipv4 {
    struct inet_timewait_death_row tcp_death_row;
};

struct net {
    struct ns_common ns;
    __u32 hash_mix;
    struct netns_ipv4 ipv4;
};

typedef struct {
    struct net *net;
} possible_net_t;

struct inet_bind_bucket {
    possible_net_t ib_net;
    unsigned short port;
    signed char fastreuse;
    signed char fastreuseport;
    struct hlist_node node;
};

/* include/linux/sched.h, nsproxy.h */
struct nsproxy {
    struct net *net_ns;
};

struct task_struct {
    struct nsproxy *nsproxy;
};

#pragma clang attribute pop

#endif
