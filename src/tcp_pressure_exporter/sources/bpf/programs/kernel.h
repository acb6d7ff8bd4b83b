/* The kernel's types, reduced to what the programs read. When the kernel loads a program, it finds
 * the real offset of each field in its own BTF (CO-RE), so one build serves all kernels.
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

/* include/net/netns/ipv4.h. Since Linux 6.8, one number holds both ends of the range, the upper one
 * in its upper half; before that they were two numbers. */
struct local_ports {
    __u32 range;
};

struct local_ports___before_6_8 {
    int range[2];
};

struct netns_ipv4 {
    struct inet_timewait_death_row tcp_death_row;
    struct local_ports ip_local_ports;
    unsigned long *sysctl_local_reserved_ports;
};

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
    __u32 hash_mix;
    __u64 net_cookie;
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
    struct task_struct *group_leader;
    char comm[16];
};

/* include/net/sock.h, tcp_states.h */
enum {
    TCP_SYN_SENT = 2,
    TCP_FIN_WAIT1 = 4,
    TCP_CLOSE = 7,
};

/* include/net/sock.h: the socket was bound to a port that its application named. */
#define SOCK_BINDPORT_LOCK 8

struct in6_addr {
    __u8 bytes[16];
};

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    int skc_bound_dev_if;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
    struct sock_common __sk_common;
    int sk_err;
    int sk_rcvlowat;
    __u16 sk_protocol;
    __u32 sk_max_ack_backlog;
    __u8 sk_userlocks : 4;
};

struct tcp_sock {
    __u32 packets_out;
};

/* include/net/inet_sock.h. The flag's number has not changed since Linux 6.6, which introduced the
 * flags. The kernel could not look it up: the enum has no name. */
enum {
    INET_FLAGS_DEFER_CONNECT = 19,
};

struct inet_sock {
    unsigned long inet_flags;
};

struct inet_sock___before_6_6 {
    __u8 defer_connect : 1;
};

#pragma clang attribute pop

#endif
