#include "network_ports.h"

/* Return the first bits of a word, in host order. */
static uint64_t leading(uint64_t word, uint32_t bits)
{
    uint8_t bytes[8];
    uint64_t value = 0;

    memcpy(bytes, &word, sizeof bytes);
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return bits ? value >> (64 - bits) : 0;
}

static bool has_address(const struct network_ports *network, struct ip ip)
{
    uint32_t prefix = network->prefix < 128 ? network->prefix : 128;
    uint32_t first = prefix < 64 ? prefix : 64;

    return leading(network->ip.words[0], first) == leading(ip.words[0], first) &&
           leading(network->ip.words[1], prefix - first) == leading(ip.words[1], prefix - first);
}

bool has_network_port(const struct network_list *list, struct ip ip, uint16_t port)
{
    struct network_ports network;

    for (size_t at = 0; at + sizeof network <= list->bytes; at += sizeof network) {
        memcpy(&network, list->packed + at, sizeof network);
        if (port >= network.low && port <= network.high && has_address(&network, ip))
            return true;
    }
    return false;
}
