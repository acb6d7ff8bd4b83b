/* Why a socket is in CLOSE_WAIT: close_wait.py explains it. */
#pragma once
#include <linux/inet_diag.h>

/* In the order of CloseWaitCounts. */
enum cause { EOF_UNREAD, NOT_CLOSED, PEER_GONE, WINDOW_CLOSED, CAUSES };
enum timer { RETRANSMIT = 1, WINDOW_PROBE = 4 };

static enum cause close_wait_cause(const struct inet_diag_msg *m)
{
    if (m->idiag_wqueue && m->idiag_timer == RETRANSMIT && m->idiag_retrans) return PEER_GONE;
    if (m->idiag_wqueue && m->idiag_timer == WINDOW_PROBE) return m->idiag_retrans <= 1 ? WINDOW_CLOSED : PEER_GONE;
    return m->idiag_rqueue ? EOF_UNREAD : NOT_CLOSED;
}
