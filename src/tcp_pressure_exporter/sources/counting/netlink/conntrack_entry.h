/* An entry of ctnetlink, decoded for the tally of tracked connections: translated.py explains it.
 *
 * Source of the structures: include/uapi/linux/netlink.h (nlattr), and in linux/netfilter
 * nfnetlink.h (nfgenmsg), nfnetlink_conntrack.h, nf_conntrack_common.h, nf_conntrack_tcp.h.
 */
#pragma once
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netlink_walk.h"

#define CT_NEW (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)

/* Count an entry in the dump's nat_tally, if it is a TCP connection that counts there. */
enum outcome count_conntrack_entry(struct dump *dump, const uint8_t *payload, uint32_t length);
