// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Counts what port_failures.bpf.c and active_closes.bpf.c count, for use when both are wanted: most
 * of a program's cost to a connection is the call at each change of a socket's state.
 *
 * Writes only to its own maps. Linux 5.17 or later.
 */
#include "active_closes.h"
#include "failing_connects.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(count_state_changes, struct sock *sock, int old_state, int new_state)
{
    if (new_state == TCP_FIN_WAIT1)
        count_active_close(sock);
    else if (old_state == TCP_SYN_SENT && new_state == TCP_CLOSE)
        count_failing_connect(sock);
    return 0;
}
