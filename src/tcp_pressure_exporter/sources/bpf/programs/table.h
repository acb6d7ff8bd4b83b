/* The parts of the kernel's socket tables that a walk reads: kernel.h's sibling for programs that
 * look at sockets whose type the verifier does not know. Every pointer is a number until it is
 * followed; following one that leads nowhere gives 0 (bpf_rdonly_cast).
 */
#ifndef TABLE_H
#define TABLE_H

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
    unsigned int inum;
};

/* include/linux/list_nulls.h: a chain ends with an odd number, twice its own number plus one. */
struct hlist_nulls_node {
    struct hlist_nulls_node *next;
};

/* include/net/inet_hashtables.h */
struct inet_ehash_bucket;

struct inet_listen_hashbucket {
    struct hlist_nulls_head {
        struct hlist_nulls_node *first;
    } nulls_head;
};

struct hlist_node {
    struct hlist_node *next;
};

struct inet_bind_hashbucket {
    struct hlist_head {
        struct hlist_node *first;
    } chain;
};

struct inet_hashinfo {
    struct inet_ehash_bucket *ehash;
    unsigned int ehash_mask;
    struct inet_bind_hashbucket *bhash;
    unsigned int bhash_size;
    unsigned int lhash2_mask;
    struct inet_listen_hashbucket *lhash2;
    _Bool pernet;
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

/* include/net/sock.h: the start of full sockets, TIME_WAIT entries and half-open connections */
struct in6_addr {
    union {
        __be32 u6_addr32[4];
    } in6_u;
};

typedef struct {
    int counter;
} atomic_t;

typedef struct {
    atomic_t refs;
} refcount_t;

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    unsigned int skc_hash;
    __be16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    unsigned char skc_ipv6only : 1;
    int skc_bound_dev_if;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    struct hlist_nulls_node skc_nulls_node;
    refcount_t skc_refcnt;
    __u32 skc_tw_snd_nxt;
};

/* include/linux/kernfs.h, cgroup-defs.h */
struct kernfs_node {
    __u64 id;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct sock_cgroup_data {
    struct cgroup *cgroup;
};

struct inode {
    unsigned long i_ino;
};

struct socket_alloc {
    struct inode vfs_inode;
};

struct socket;

struct sock {
    struct sock_common __sk_common;
    struct socket *sk_socket;
    struct sock_cgroup_data sk_cgrp_data;
    __u32 sk_ack_backlog;
    __u32 sk_max_ack_backlog;
};

/* include/net/inet_sock.h. The flag's number has not changed since Linux 6.6 introduced flags. */
enum {
    INET_FLAGS_TRANSPARENT = 15,
};

struct inet_sock {
    unsigned long inet_flags;
};

struct inet_sock___before_6_6 {
    __u8 transparent : 1;
};

/* include/net/inet_connection_sock.h */
struct inet_connection_sock {
    __u8 icsk_pending;
    __u8 icsk_retransmits;
    __u8 icsk_probes_out;
};

/* include/linux/tcp.h */
struct tcp_sock {
    __u32 rcv_nxt;
    __u32 copied_seq;
    __u32 write_seq;
    __u32 snd_una;
    __u32 rcv_tstamp;
};

/* include/net/inet_timewait_sock.h */
struct timer_list {
    unsigned long expires;
};

struct inet_timewait_sock {
    volatile unsigned char tw_substate;
    struct timer_list tw_timer;
};

/* A type that begins with a 64-bit number. If a pointer were loaded through its own type, the
 * verifier would allow no arithmetic with it. */
struct timespec64 {
    __s64 tv_sec;
};

#pragma clang attribute pop

#define AF_INET 2

/* How a walk of some chains ended: the result of a program. */
enum {
    WALKED,
    NO_ROOM, /* more was found than the map holds: ask for fewer chains */
    STRAYED, /* a chain changed during the walk, or is too long */
};

#define NODE bpf_core_field_offset(struct sock_common, skc_nulls_node)
#define IS_END(node) ((node)&1)

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym;

#define AT(type, address)                                                                          \
    ((struct type *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(struct type)))

/* Return the 64-bit number at an address. Without the barrier the compiler may join loads through
 * several types into one instruction, which the verifier refuses. */
static __always_inline __u64 number_at(__u64 address)
{
    __u64 number = AT(timespec64, address)->tv_sec;

    asm volatile("" : "+r"(number));
    return number;
}

#endif
