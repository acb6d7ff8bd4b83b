/* How long TIME_WAIT lasts: TimeWaitLengths in facts/time_wait.py. */
#pragma once
#include <stdint.h>

#define MAX_LENGTH_MS 600000 /* facts/time_wait.py */
#define MAX_AGES (MAX_LENGTH_MS / 1000 + 1)

struct time_wait_lengths {
    uint32_t shorter_ms, longer_ms; /* MAX_LENGTH_MS at most */
};

/* Return the age of an entry with that much time left; never below 0. */
static inline uint32_t age_ms_of(const struct time_wait_lengths *lengths, uint32_t left_ms)
{
    uint32_t length_ms = left_ms <= lengths->shorter_ms ? lengths->shorter_ms : lengths->longer_ms;

    return left_ms < length_ms ? length_ms - left_ms : 0;
}

/* Return how many ages in whole seconds an entry can have, from 0 on. */
static inline uint32_t age_seconds_of(const struct time_wait_lengths *lengths)
{
    return lengths->longer_ms / 1000 + 1;
}
