#include "accepted_ports.h"

#include <stdlib.h>

#include "growing_array.h"

#define PORTS 65536

struct port_use {
    uint32_t local, remote; /* sockets with this port at that end */
    uint32_t accepted;      /* of those with this local port */
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

/* Tell whether a socket was probably accepted: by which port more share, or by its numbers. */
static bool was_accepted(const struct port_use *use, struct port_pair pair)
{
    uint32_t local = use[pair.local].local, remote = use[pair.remote].remote;

    if (local > CLEARLY * remote)
        return true;
    return remote <= CLEARLY * local && pair.remote >= DYNAMIC_PORTS && pair.local < DYNAMIC_PORTS;
}

bool find_accepted_ports(const struct port_pairs *pairs, uint8_t accepted[BITMAP_BYTES])
{
    if (!pairs->count)
        return true;
    struct port_use *use = calloc(PORTS, sizeof *use);
    if (!use)
        return false;
    for (uint32_t i = 0; i < pairs->count; i++) {
        use[pairs->all[i].local].local++;
        use[pairs->all[i].remote].remote++;
    }
    for (uint32_t i = 0; i < pairs->count; i++)
        use[pairs->all[i].local].accepted += was_accepted(use, pairs->all[i]);
    for (uint32_t port = 0; port < PORTS; port++) {
        if (2 * use[port].accepted > use[port].local)
            add_port(accepted, (uint16_t)port);
    }
    free(use);
    return true;
}

void free_port_pairs(struct port_pairs *pairs)
{
    free(pairs->all);
}
