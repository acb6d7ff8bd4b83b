#include "accepted_ports.h"

#include <stdlib.h>

#include "growing_array.h"

#define PORT_BITS 16
#define FEWEST_BITS 6

struct port_use {
    uint16_t port;
    bool known;
    uint32_t local, remote; /* sockets with this port at that end */
    uint32_t accepted;      /* of those with this local port */
};

/* A hash table: most hosts have few such sockets, and the whole table of ports is 1 MB. */
struct port_uses {
    struct port_use *all;
    uint32_t slots;      /* a power of two, up to the number of ports */
    unsigned shift;      /* what a hash loses */
    uint16_t multiplier; /* odd: at full size every port has its own slot */
};

bool add_port_pair(struct port_pairs *pairs, uint16_t local, uint16_t remote)
{
    if (pairs->count == MAX_PORT_PAIRS)
        return true;
    void *all = grown(pairs->all, sizeof *pairs->all, pairs->count, &pairs->room);
    if (!all)
        return false;
    pairs->all = all;
    pairs->all[pairs->count++] = (struct port_pair){local, remote};
    return true;
}

static bool prepare_uses(struct port_uses *uses, const struct port_pairs *pairs)
{
    unsigned bits = FEWEST_BITS;

    /* A pair has two ports; half of the slots stay free, to keep searches short. */
    while (bits < PORT_BITS && 1u << bits < 4 * pairs->count)
        bits++;
    uses->slots = 1u << bits;
    uses->shift = PORT_BITS - bits;
    uses->multiplier = (uint16_t)(pairs->seed | 1);
    uses->all = calloc(uses->slots, sizeof *uses->all);
    return uses->all;
}

/* Return the use of a port; nothing yet if it is new. */
static struct port_use *use_of(const struct port_uses *uses, uint16_t port)
{
    uint32_t slot = (uint16_t)((uint32_t)port * uses->multiplier) >> uses->shift;

    while (uses->all[slot].known && uses->all[slot].port != port)
        slot = (slot + 1) & (uses->slots - 1);
    uses->all[slot].known = true;
    uses->all[slot].port = port;
    return &uses->all[slot];
}

/* Tell whether a socket was probably accepted: by which port more share, or by its numbers. */
static bool was_accepted(const struct port_uses *uses, struct port_pair pair)
{
    uint32_t local = use_of(uses, pair.local)->local, remote = use_of(uses, pair.remote)->remote;

    if (local > CLEARLY * remote)
        return true;
    return remote <= CLEARLY * local && pair.remote >= DYNAMIC_PORTS && pair.local < DYNAMIC_PORTS;
}

bool find_accepted_ports(const struct port_pairs *pairs, uint8_t accepted[BITMAP_BYTES])
{
    struct port_uses uses;

    if (!pairs->count)
        return true;
    if (!prepare_uses(&uses, pairs))
        return false;
    for (uint32_t i = 0; i < pairs->count; i++) {
        use_of(&uses, pairs->all[i].local)->local++;
        use_of(&uses, pairs->all[i].remote)->remote++;
    }
    for (uint32_t i = 0; i < pairs->count; i++)
        use_of(&uses, pairs->all[i].local)->accepted += was_accepted(&uses, pairs->all[i]);
    for (uint32_t slot = 0; slot < uses.slots; slot++) {
        if (2 * uses.all[slot].accepted > uses.all[slot].local)
            add_port(accepted, uses.all[slot].port);
    }
    free(uses.all);
    return true;
}

void free_port_pairs(struct port_pairs *pairs)
{
    free(pairs->all);
}
