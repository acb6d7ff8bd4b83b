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

bool has_prefix(struct ip network, uint32_t prefix, struct ip ip)
{
    uint32_t bits = prefix < 128 ? prefix : 128;
    uint32_t first = bits < 64 ? bits : 64;

    return leading(network.words[0], first) == leading(ip.words[0], first) &&
           leading(network.words[1], bits - first) == leading(ip.words[1], bits - first);
}

bool has_network_port(const struct network_list *list, struct ip ip, uint16_t port)
{
    struct network_ports network;

    for (size_t at = 0; at + sizeof network <= list->bytes; at += sizeof network) {
        memcpy(&network, list->packed + at, sizeof network);
        if (port >= network.low && port <= network.high && 
            has_prefix(network.ip, network.prefix, ip))
            return true;
    }
    return false;
}
