// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Counts each connect() that the kernel refuses for want of a local port, by its caller.
 *
 * Writes only to its own maps. Linux 5.17 or later.
 */
#include "failing_connects.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(count_port_failures, struct sock *sock, int old_state, int new_state)
{
    if (old_state == TCP_SYN_SENT && new_state == TCP_CLOSE)
        count_failing_connect(sock);
    return 0;
}
