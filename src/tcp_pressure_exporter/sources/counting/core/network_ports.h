/* Ports of networks: for rules that apply only to some local addresses. */
#pragma once
#include <stddef.h>

#include "ip_address.h"

/* As Python packs it: NETWORK_PORTS of compiled.py. */
struct network_ports {
    struct ip ip;
    uint32_t prefix;    /* how many of the 128 bits of an address */
    uint16_t low, high; /* in host order, both included */
};

struct network_list {
    const uint8_t *packed;
    size_t bytes;
};

/* Tell whether an address has the same first bits as a network. */
bool has_prefix(struct ip network, uint32_t prefix, struct ip ip);

/* Tell whether a network in the list has the address and the port. Lists are short. */
bool has_network_port(const struct network_list *list, struct ip ip, uint16_t port);
