/* How long TIME_WAIT lasts: TimeWaitLengths of facts/time_wait.py. */
#pragma once
#include <stdint.h>

#define MAX_LENGTH_MS 600000 /* facts/time_wait.py */
#define MAX_AGES (MAX_LENGTH_MS / 1000 + 1)

struct time_wait_lengths {
    uint32_t shorter_ms, longer_ms; /* MAX_LENGTH_MS at most */
};

/* Return for how long an entry has been there that has so much left; 0 at the least. */
static inline uint32_t age_ms_of(const struct time_wait_lengths *lengths, uint32_t left_ms)
{
    uint32_t length_ms = left_ms <= lengths->shorter_ms ? lengths->shorter_ms : lengths->longer_ms;

    return left_ms < length_ms ? length_ms - left_ms : 0;
}

/* Return the whole seconds that an entry can be old, 0 included. */
static inline uint32_t age_seconds_of(const struct time_wait_lengths *lengths)
{
    return lengths->longer_ms / 1000 + 1;
}
