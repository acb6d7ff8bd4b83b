// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Counts each bind() and listen() that the kernel refuses for want of a local port, by its caller.
 *
 * Both call inet_csk_get_port (net/ipv4/inet_connection_sock.c), in the calling process, with the
 * port they want. 0 stands for any port: listen() passes it if nobody called bind(). The function
 * fails only if that port is taken, or if no port is free. connect() never calls it.
 *
 * Writes only to its own maps. Linux 5.17 or later, where functions can be traced.
 */
#include "port_failures.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

static __always_inline void read_local_end(struct failure *failure, struct sock_common *sock)
{
    if (sock->skc_family == AF_INET6)
        bpf_probe_read_kernel(failure->local, 16, &sock->skc_v6_rcv_saddr);
    else
        map_v4(failure->local, sock->skc_rcv_saddr);
}

SEC("fexit/inet_csk_get_port")
int BPF_PROG(count_bind_failures, struct sock *sock, unsigned short port, int error)
{
    if (!error || sock->sk_protocol != IPPROTO_TCP || !is_sampled(sock->__sk_common.skc_net.net))
        return 0;
    struct failure failure = {};

    begin_failure(&failure, sock, CALL_BIND, port ? CAUSE_PORT_TAKEN : CAUSE_NO_PORT);
    read_local_end(&failure, &sock->__sk_common);
    failure.port = port;
    count_failure(&failure);
    return 0;
}
