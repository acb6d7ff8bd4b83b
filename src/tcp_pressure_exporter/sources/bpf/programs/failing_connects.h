/* Counts a connect() that the kernel refuses for want of a local port, by its caller.
 *
 * Such a connect() goes from CLOSE to SYN_SENT and back within one system call
 * (net/ipv4/tcp_ipv4.c, tcp_v4_connect): nothing was sent, and the socket has no error of its own.
 * So the running process is the caller. A refusal by the remote, a time-out and a close() during
 * the handshake have sent a SYN or left an error. A flag marks a connection whose SYN TCP Fast Open
 * deferred. A socket that keeps a port was bound to it: its 4-tuple was taken.
 *
 * A canary's searches, from any exporter or report, are not an application's. A mark that any
 * socket can carry identifies them: SO_RCVLOWAT, which has no effect until there is data.
 */
#ifndef FAILING_CONNECTS_H
#define FAILING_CONNECTS_H

#include "port_failures.h"

/* Whether the SYN was deferred (TCP_FASTOPEN_CONNECT): one of inet_flags since Linux 6.6. */
static __always_inline int is_deferred(struct sock *sock)
{
    struct inet_sock *inet = (void *)sock;
    struct inet_sock___before_6_6 *before = (void *)sock;

    if (bpf_core_field_exists(inet->inet_flags))
        return BPF_CORE_READ(inet, inet_flags) >> INET_FLAGS_DEFER_CONNECT & 1;
    return BPF_CORE_READ_BITFIELD_PROBED(before, defer_connect);
}

/* As sources/canary/socket.py sets it. */
#define CANARY_RCVLOWAT 1019

/* Look at a socket that is moving from SYN_SENT to CLOSE. */
static __always_inline void count_failing_connect(struct sock *sock)
{
    if (sock->sk_err || sock->sk_rcvlowat == CANARY_RCVLOWAT ||
        !is_sampled(sock->__sk_common.skc_net.net))
        return;
    struct tcp_sock *tcp = (void *)bpf_skc_to_tcp_sock(sock);
    if (!tcp || tcp->packets_out || is_deferred(sock))
        return;
    struct failure failure = {};

    begin_failure(&failure, sock, CALL_CONNECT,
                  sock->__sk_common.skc_num ? CAUSE_PORT_TAKEN : CAUSE_NO_PORT);
    failure.port = __builtin_bswap16(sock->__sk_common.skc_dport);
    read_addresses(failure.local, failure.remote, &sock->__sk_common);
    count_failure(&failure);
}

#endif
