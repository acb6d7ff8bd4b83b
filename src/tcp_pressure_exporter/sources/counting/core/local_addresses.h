/* The local addresses of a dump's sockets, and the ports that are held on each.
 *
 * The same address counts separately for each interface that sockets are bound to, as in the
 * kernel.
 */
#pragma once
#include "ip_address.h"
#include "port_bitmap.h"

#define MAX_ADDRESSES 1024                /* facts/tally.py: MAX_LOCAL_ADDRESSES */
#define ADDRESS_SLOTS (2 * MAX_ADDRESSES) /* a power of two */
#define RANGE_STEP 8                      /* bytes: a range begins and ends at a multiple */

/* Eight ports, a bit for each: side by side, because most sockets need both. */
struct eight_ports {
    uint8_t held; /* by any socket */
    uint8_t live; /* by one that is not in TIME_WAIT */
};

struct local_address {
    struct ip ip;
    uint32_t scope; /* index of the interface, 0 for none */
    struct eight_ports ports[]; /* those of the range */
};

struct local_addresses {
    uint64_t seed;
    uint16_t begin, length; /* of the range, in bytes: a thousand whole bitmaps take 16 MB */
    struct local_address *all[MAX_ADDRESSES];
    uint16_t index[ADDRESS_SLOTS]; /* numbers; 0 is free */
    uint16_t count;
    uint64_t overflow; /* sockets of addresses beyond MAX_ADDRESSES */
};

/* Prepare for the ports of a bitmap; no other port may be held. */
void limit_addresses(struct local_addresses *addresses, const uint8_t usable[BITMAP_BYTES]);

/* Find or add an address; its number from 1 on, or 0 where there are MAX_ADDRESSES. Return false
 * where there is no memory. */
bool find_or_add_address(struct local_addresses *addresses, struct ip ip, uint32_t scope,
                         uint16_t *number);

void free_addresses(struct local_addresses *addresses);

/* Note that a socket holds a port of the address with this number; overflow counts it at 0.
 *
 * Inline: most entries come here, and as a call it makes counting slower by 2 %. */
static inline void hold_port(struct local_addresses *addresses, uint16_t number, uint16_t port,
                             bool live)
{
    if (!number) {
        addresses->overflow++;
        return;
    }
    struct eight_ports *ports =
        &addresses->all[number - 1]->ports[(port >> 3) - addresses->begin];
    uint8_t bit = (uint8_t)(1 << (port & 7));
    ports->held |= bit;
    if (live)
        ports->live |= bit;
}
