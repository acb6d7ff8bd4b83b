// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Counts each connection whose first FIN this end sends, and records who sent it.
 *
 * Writes only to its own maps. Linux 5.17 or later.
 */
#include "active_closes.h"

/* As in bind_hash.bpf.c. */
char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(count_active_closes, struct sock *sock, int old_state, int new_state)
{
    if (new_state == TCP_FIN_WAIT1)
        count_active_close(sock);
    return 0;
}
