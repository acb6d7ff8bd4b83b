/* What the programs that count share: table rows, a socket's owner, and which sockets count. */
#ifndef COUNTING_H
#define COUNTING_H

#include "kernel.h"

#define AF_INET6 10
#define IPPROTO_TCP 6

/* Add one to a row, and create the row if it is missing; return 0 if there is no room for it. */
static __always_inline int count_in(void *table, const void *key)
{
    __u64 none = 0, *count = bpf_map_lookup_elem(table, key);

    if (!count) {
        bpf_map_update_elem(table, key, &none, BPF_NOEXIST);
        count = bpf_map_lookup_elem(table, key);
    }
    if (!count)
        return 0;
    __sync_fetch_and_add(count, 1);
    return 1;
}

/* Add one to the only number of an array. */
static __always_inline void count_once_more(void *array)
{
    __u32 only = 0;
    __u64 *count = bpf_map_lookup_elem(array, &only);

    if (count)
        __sync_fetch_and_add(count, 1);
}

static __always_inline void map_v4(__u8 *address, __be32 v4)
{
    address[10] = address[11] = 0xff;
    __builtin_memcpy(address + 12, &v4, sizeof v4);
}

/* Read both addresses, each into 16 zeroed bytes: IPv4 in its v4-mapped form. */
static __always_inline void read_addresses(__u8 *local, __u8 *remote, struct sock_common *sock)
{
    if (sock->skc_family == AF_INET6) {
        bpf_probe_read_kernel(local, 16, &sock->skc_v6_rcv_saddr);
        bpf_probe_read_kernel(remote, 16, &sock->skc_v6_daddr);
    } else {
        map_v4(local, sock->skc_rcv_saddr);
        map_v4(remote, sock->skc_daddr);
    }
}

/* Read the name of the running thread group into 16 bytes. */
static __always_inline void read_process(char *name)
{
    struct task_struct *task = bpf_get_current_task_btf();

    __builtin_memcpy(name, task->group_leader->comm, 16);
}

/* A network namespace's number: the lower half of its cookie. Unlike an inode, no later namespace
 * gets it again. */
static __always_inline __u32 number_of(struct net *net)
{
    return net->net_cookie;
}

/* The network namespaces that the exporter samples. Without this list, anyone who can create a
 * namespace could fill the tables from there. One no longer sampled gives way to another. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, __u8);
} sampled SEC(".maps");

static __always_inline int is_sampled(struct net *net)
{
    __u32 netns = number_of(net);

    return bpf_map_lookup_elem(&sampled, &netns) != NULL;
}

/* Run by the exporter: from now on, count in its thread's network namespace; returns that
 * namespace's number. */
SEC("raw_tp/watch_caller")
int watch_caller(void *context)
{
    __u32 netns = number_of(bpf_get_current_task_btf()->nsproxy->net_ns);
    __u8 yes = 1;

    bpf_map_update_elem(&sampled, &netns, &yes, BPF_ANY);
    return netns;
}

#endif
