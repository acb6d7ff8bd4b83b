/* What programs that count share: rows of a table, and whose a socket is. */
#ifndef COUNTING_H
#define COUNTING_H

#include "kernel.h"

#define AF_INET6 10

/* Add one to a row, which is made where it is missing; 0 where there is no room for it. */
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

/* Read both addresses into 16 bytes each, which are 0: IPv4 in its v4-mapped form. */
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

/* Read the name of the thread group that runs, into 16 bytes. */
static __always_inline void read_process(char *name)
{
    struct task_struct *task = bpf_get_current_task_btf();

    bpf_probe_read_kernel(name, 16, task->group_leader->comm);
}

/* The number of a network namespace that none has again after it, as its inode may be: its cookie,
 * of which the lower half does. */
static __always_inline __u32 number_of(struct net *net)
{
    return net->net_cookie;
}

/* Run by the exporter: the number of the network namespace that its thread is in. */
SEC("raw_tp/netns_of_caller")
int netns_of_caller(void *context)
{
    return number_of(bpf_get_current_task_btf()->nsproxy->net_ns);
}

#endif
