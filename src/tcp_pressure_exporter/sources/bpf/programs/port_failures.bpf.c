// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Counts each connect() that the kernel refuses for want of a local port, and whose it was.
 *
 * Such a connect() goes from CLOSE to SYN_SENT and back within one system call
 * (net/ipv4/tcp_ipv4.c, tcp_v4_connect): nothing was sent, and the socket has no error of its own.
 * So the process that runs is the caller. A refusal by the remote, a time-out and a close() during
 * the handshake have sent a SYN or left an error; a connection whose SYN TCP fast open put off is
 * told by its flag. A socket that keeps a port was bound to it: its 4-tuple was taken.
 *
 * Only reads, but for its own maps. Linux 5.17 or later.
 */
#include "port_failures.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

/* Whether the SYN was put off (TCP_FASTOPEN_CONNECT): a flag among others since Linux 6.6. */
static __always_inline int is_deferred(struct sock *sock)
{
    struct inet_sock *inet = (void *)sock;
    struct inet_sock___before_6_6 *before = (void *)sock;

    if (bpf_core_field_exists(inet->inet_flags))
        return BPF_CORE_READ(inet, inet_flags) >> INET_FLAGS_DEFER_CONNECT & 1;
    return BPF_CORE_READ_BITFIELD_PROBED(before, defer_connect);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(count_port_failures, struct sock *sock, int old_state, int new_state)
{
    if (old_state != TCP_SYN_SENT || new_state != TCP_CLOSE || sock->sk_err ||
        !is_sampled(sock->__sk_common.skc_net.net))
        return 0;
    struct tcp_sock *tcp = (void *)bpf_skc_to_tcp_sock(sock);
    if (!tcp || tcp->packets_out || is_deferred(sock) || is_own())
        return 0;
    struct failure failure = {};

    begin_failure(&failure, sock, CALL_CONNECT,
                  sock->__sk_common.skc_num ? CAUSE_PORT_TAKEN : CAUSE_NO_PORT);
    failure.port = __builtin_bswap16(sock->__sk_common.skc_dport);
    read_addresses(failure.local, failure.remote, &sock->__sk_common);
    count_failure(&failure);
    return 0;
}
