/* Why a socket is in CLOSE_WAIT: facts/close_wait.py explains it. */
#pragma once
#include <stdint.h>

enum cause { EOF_UNREAD, NOT_CLOSED, PEER_GONE, WINDOW_CLOSED, CAUSES }; /* as in CloseWaitCounts */

/* Return the cause, by the fields of an inet_diag_msg. */
enum cause close_wait_cause(uint8_t timer, uint8_t retransmits, uint32_t receive_queue,
                            uint32_t send_queue);
