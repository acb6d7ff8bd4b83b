#include "conntrack_entry.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "../core/nat_tally.h"

#define KINDS 5 /* attributes from this number on are skipped, except the zone */

static const char OPERATION[] = "ctnetlink message";

struct value {
    const uint8_t *at; /* NULL: there is none */
    uint32_t length;
};

struct attributes {
    struct value of[KINDS];
    struct value zone; /* CTA_ZONE, at the outermost level */
};

/* Decoding functions return false or NULL if they fail, having noted why. Three functions are
 * inline: the compiler then specialises each of their calls, which saves a tenth of the time. */

/* Find the attributes below KINDS; of several of one kind, the last. */
static inline bool find_attributes(struct dump *dump, struct value in, struct attributes *found)
{
    memset(found, 0, sizeof *found);
    while (in.length >= sizeof(struct nlattr)) {
        const struct nlattr *header = (const void *)in.at;
        if (header->nla_len < sizeof *header || header->nla_len > in.length) {
            fail(&dump->failure, OPERATION, "attribute length %u, %u bytes left", header->nla_len,
                 in.length);
            return false;
        }
        unsigned kind = header->nla_type & (unsigned)NLA_TYPE_MASK;
        if (kind < KINDS) {
            found->of[kind].at = in.at + sizeof *header;
            found->of[kind].length = header->nla_len - (uint32_t)sizeof *header;
        } else if (kind == CTA_ZONE) {
            found->zone.at = in.at + sizeof *header;
            found->zone.length = header->nla_len - (uint32_t)sizeof *header;
        }
        uint32_t step = (uint32_t)NLA_ALIGN(header->nla_len);
        if (step >= in.length)
            break;
        in.at += step;
        in.length -= step;
    }
    return true;
}

static bool check_size(struct dump *dump, const struct value *value, unsigned kind, uint32_t size)
{
    if (value->length != size)
        fail(&dump->failure, OPERATION, "attribute %u has %u bytes, not %u", kind, value->length,
             size);
    return value->length == size;
}

static bool check_presence(struct dump *dump, const struct attributes *found, unsigned kind)
{
    if (!found->of[kind].at)
        fail(&dump->failure, OPERATION, "an entry without attribute %u", kind);
    return found->of[kind].at;
}

/* Return a required value of this size, or NULL. */
static const uint8_t *value_of(struct dump *dump, const struct attributes *found, unsigned kind,
                               uint32_t size)
{
    const struct value *value = &found->of[kind];

    if (!check_presence(dump, found, kind) || !check_size(dump, value, kind, size))
        return NULL;
    return value->at;
}

/* Find the attributes inside a required one. */
static inline bool find_inside(struct dump *dump, const struct attributes *outer, unsigned kind,
                               struct attributes *found)
{
    return check_presence(dump, outer, kind) && find_attributes(dump, outer->of[kind], found);
}

static inline bool decode_address(struct dump *dump, const struct attributes *found, unsigned v4,
                                  unsigned v6, struct ip *ip)
{
    bool is_v4 = found->of[v4].at;
    const void *words = is_v4 ? value_of(dump, found, v4, 4) : value_of(dump, found, v6, 16);

    if (words)
        *ip = normalised(is_v4 ? AF_INET : AF_INET6, words);
    return words;
}

/* Decode conntrack's state of the connection; the kernel gives none for one in a flow table. */
static bool decode_state(struct dump *dump, const struct attributes *entry, uint8_t *state)
{
    struct attributes info, tcp;
    const uint8_t *value;

    *state = TCP_CONNTRACK_NONE;
    if (!entry->of[CTA_PROTOINFO].at)
        return true;
    if (!find_inside(dump, entry, CTA_PROTOINFO, &info) ||
        !find_inside(dump, &info, CTA_PROTOINFO_TCP, &tcp))
        return false;
    value = value_of(dump, &tcp, CTA_PROTOINFO_TCP_STATE, sizeof *state);
    if (value)
        *state = *value;
    return value;
}

/* Decode a conntrack zone, if there is one: the kernel leaves out the default one, 0. */
static bool decode_zone(struct dump *dump, const struct value *value, unsigned kind, uint16_t *zone)
{
    if (!value->at)
        return true;
    if (!check_size(dump, value, kind, sizeof *zone))
        return false;
    memcpy(zone, value->at, sizeof *zone);
    *zone = ntohs(*zone);
    return true;
}

/* Decode the zone of both directions, or that of the replies only. */
static bool decode_zones(struct dump *dump, const struct attributes *entry,
                         const struct attributes *reply, uint16_t *zone)
{
    *zone = 0;
    return decode_zone(dump, &entry->zone, CTA_ZONE, zone) &&
           (*zone || decode_zone(dump, &reply->of[CTA_TUPLE_ZONE], CTA_TUPLE_ZONE, zone));
}

/* Decode where the replies go, and where they come from. */
static bool decode_pool(struct dump *dump, const struct attributes *reply,
                        const struct attributes *protocol,
                        struct tracked_connection *connection)
{
    struct attributes addresses;

    if (!find_inside(dump, reply, CTA_TUPLE_IP, &addresses) ||
        !decode_address(dump, &addresses, CTA_IP_V4_DST, CTA_IP_V6_DST, &connection->ends.local) ||
        !decode_address(dump, &addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &connection->ends.remote))
        return false;
    const uint8_t *port = value_of(dump, protocol, CTA_PROTO_SRC_PORT, 2);
    if (port)
        memcpy(&connection->remote_port, port, 2);
    return port;
}

/* Decode the address that opened the connection. */
static bool decode_client(struct dump *dump, const struct attributes *entry, struct ip *client)
{
    struct attributes original, addresses;

    return find_inside(dump, entry, CTA_TUPLE_ORIG, &original) &&
           find_inside(dump, &original, CTA_TUPLE_IP, &addresses) &&
           decode_address(dump, &addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC, client);
}

/* Count an entry if it is a TCP connection. */
static enum outcome count_tcp(struct dump *dump, const struct attributes *entry)
{
    struct tracked_connection connection;
    struct attributes reply, protocol;

    if (!find_inside(dump, entry, CTA_TUPLE_REPLY, &reply) ||
        !find_inside(dump, &reply, CTA_TUPLE_PROTO, &protocol))
        return FAILED;
    const uint8_t *number = value_of(dump, &protocol, CTA_PROTO_NUM, sizeof *number);
    if (!number)
        return FAILED;
    if (*number != IPPROTO_TCP)
        return MORE;
    if (!decode_pool(dump, &reply, &protocol, &connection) ||
        !decode_zones(dump, entry, &reply, &connection.zone) ||
        !decode_state(dump, entry, &connection.state))
        return FAILED;
    const struct pool *listed = find_listed(dump->tally, &connection);
    if (listed && !decode_client(dump, entry, &connection.client))
        return FAILED;
    return count_tracked(dump->tally, &connection, listed) ? MORE : fail_out_of_memory(dump);
}

enum outcome count_conntrack_entry(struct dump *dump, const uint8_t *payload, uint32_t length)
{
    uint32_t header = length < sizeof(struct nfgenmsg) ? length : (uint32_t)sizeof(struct nfgenmsg);
    const struct nat_tally *tally = dump->tally;
    struct attributes entry;
    __be32 status;

    if (!find_attributes(dump, (struct value){payload + header, length - header}, &entry))
        return FAILED;
    const uint8_t *value = value_of(dump, &entry, CTA_STATUS, sizeof status);
    if (!value)
        return FAILED;
    memcpy(&status, value, sizeof status);
    /* Checked here too: a kernel before 5.15 does not know the filter and sends all. */
    bool translated = ntohl(status) & IPS_SRC_NAT;
    return translated == tally->translated ? count_tcp(dump, &entry) : MORE;
}
