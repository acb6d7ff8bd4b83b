/* Ports of networks: where rules apply to some local addresses only. */
#pragma once
#include <stddef.h>

#include "ip_address.h"

/* As Python packs it: NETWORK_PORTS of compiled.py. */
struct network_ports {
    struct ip ip;
    uint32_t prefix;    /* bits of the 128 of an address */
    uint16_t low, high; /* in host order, both included */
};

struct network_list {
    const uint8_t *packed;
    size_t bytes;
};

/* Tell whether an address has the same first bits as a network. */
bool has_prefix(struct ip network, uint32_t prefix, struct ip ip);

/* Tell whether one of the networks has an address, and its ports a port. Few are given. */
bool has_network_port(const struct network_list *list, struct ip ip, uint16_t port);
