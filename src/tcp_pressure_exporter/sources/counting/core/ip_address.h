/* Addresses as the kernel compares them: 16 bytes in network order, IPv4 in its v4-mapped form
 * (RFC 4291, section 2.5.5.2).
 *
 * Every entry has two. They are words, not bytes, and their functions are inline, as a call would
 * cost more than the work.
 */
#pragma once
#include <arpa/inet.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct ip {
    uint64_t words[2];
};

/* The two ends of a connection. */
struct ends {
    struct ip local, remote;
};

/* Return the word whose halves lie in memory in this order. */
static inline uint64_t word_of(uint32_t first, uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (uint64_t)second << 32 | first;
#else
    return (uint64_t)first << 32 | second;
#endif
}

static inline uint32_t first_half(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (uint32_t)word;
#else
    return (uint32_t)(word >> 32);
#endif
}

/* Return the 16 bytes of an address as the kernel gives it: four for AF_INET. */
static inline struct ip normalised(int family, const __be32 from[4])
{
    if (family == AF_INET)
        return (struct ip){{0, word_of(htonl(0xffff), from[0])}};
    return (struct ip){{word_of(from[0], from[1]), word_of(from[2], from[3])}};
}

static inline bool same_address(struct ip a, struct ip b)
{
    return ((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1])) == 0;
}

static inline bool is_v4(struct ip a)
{
    return a.words[0] == 0 && first_half(a.words[1]) == htonl(0xffff);
}

static inline bool same_ends(const struct ends *a, const struct ends *b)
{
    return same_address(a->local, b->local) && same_address(a->remote, b->remote);
}

/* Tell whether it is in 127.0.0.0/8 or ::1. */
static inline bool is_loopback(struct ip a)
{
    uint8_t bytes[16];

    memcpy(bytes, &a, sizeof bytes);
    return is_v4(a) ? bytes[12] == 127 : same_address(a, (struct ip){{0, word_of(0, htonl(1))}});
}

/* Multiplications by odd constants, mixed by shifts: the first carries upwards, the shift brings
 * the upper half down, the second spreads it, so that each bit depends on all. Peers choose
 * addresses: without the seed they could choose colliding ones. */
static inline uint64_t hash_address(struct ip a, uint64_t seed)
{
    uint64_t hash = (a.words[0] ^ seed) * 0x9e3779b97f4a7c15u;

    hash = (hash ^ hash >> 32 ^ a.words[1]) * 0xc2b2ae3d27d4eb4fu;
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}
