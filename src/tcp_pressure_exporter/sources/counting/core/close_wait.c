#include "close_wait.h"

enum timer { RETRANSMIT = 1, WINDOW_PROBE = 4 }; /* net/ipv4/inet_diag.c, inet_sk_diag_fill */

enum cause close_wait_cause(uint8_t timer, uint8_t retransmits, uint32_t receive_queue,
                            uint32_t send_queue)
{
    if (send_queue && timer == RETRANSMIT && retransmits)
        return PEER_GONE;
    if (send_queue && timer == WINDOW_PROBE)
        return retransmits <= 1 ? WINDOW_CLOSED : PEER_GONE;
    return receive_queue ? EOF_UNREAD : NOT_CLOSED;
}
