/* Sets of ports: one bit for each, in host order. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BITMAP_BYTES 8192

/* Inline: each entry looks at several, and each look is two instructions. */
static inline bool has_port(const uint8_t *bitmap, uint16_t port)
{
    return bitmap[port >> 3] >> (port & 7) & 1;
}

static inline void add_port(uint8_t *bitmap, uint16_t port)
{
    bitmap[port >> 3] |= (uint8_t)(1 << (port & 7));
}
