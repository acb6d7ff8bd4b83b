/* How long TIME_WAIT lasts. */
#pragma once

#define TCP_TIMEWAIT_LEN_MS 60000 /* TCP_TIMEWAIT_LEN: include/net/tcp.h, 60 * HZ */
#define AGES (TCP_TIMEWAIT_LEN_MS / 1000 + 1) /* whole seconds in it: 0..60 */
