#include "listener_entry.h"

#include <linux/inet_diag.h>
#include <netinet/tcp.h>

/* Attributes that older headers do not define, and the sixth bit field of inet_diag_sockopt. */
enum { SKV6ONLY = 11, CGROUP_ID = 21, SOCKOPT = 22 };
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TRANSPARENT (1 << 5)
#else
#define TRANSPARENT (1 << 2)
#endif

struct attribute { /* struct rtattr */
    uint16_t length, type;
};

static void take_attribute(struct listener_entry *entry, uint16_t type, const uint8_t *value,
                           size_t bytes)
{
    switch (type) {
    case SKV6ONLY:
        entry->ipv6_only = bytes && value[0] == 1;
        break;
    case CGROUP_ID:
        entry->owner.has_cgroup = bytes == sizeof entry->owner.cgroup_id;
        if (entry->owner.has_cgroup)
            memcpy(&entry->owner.cgroup_id, value, bytes);
        break;
    case SOCKOPT:
        entry->transparent = bytes && value[0] & TRANSPARENT;
        break;
    }
}

/* The attributes after the message: entry_attributes in inet_diag.py. */
static enum outcome take_attributes(struct dump *dump, struct listener_entry *entry,
                                    const uint8_t *at, size_t left)
{
    struct attribute attribute;

    while (left >= sizeof attribute) {
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.length < sizeof attribute || attribute.length > left)
            return fail(&dump->failure, "inet_diag attribute", "length %u, %zu bytes left",
                        attribute.length, left);
        take_attribute(entry, attribute.type, at + sizeof attribute,
                       attribute.length - sizeof attribute);
        size_t step = (attribute.length + 3u) & ~3u;
        if (step >= left)
            break;
        at += step;
        left -= step;
    }
    return MORE;
}

enum outcome count_listener_entry(struct dump *dump, const uint8_t *payload, uint32_t length)
{
    const struct inet_diag_msg *message = (const void *)payload;

    if (length < sizeof *message)
        return fail(&dump->failure, "inet_diag message", "%u bytes, an entry has %zu", length,
                    sizeof *message);
    struct listener_entry entry = {
        .ip = normalised(message->idiag_family, message->id.idiag_src),
        .scope = message->id.idiag_if,
        .used = message->idiag_rqueue,
        .limit = message->idiag_wqueue,
        .port = ntohs(message->id.idiag_sport),
        .listening = message->idiag_state == TCP_LISTEN,
        .owner = {.inode = message->idiag_inode},
    };
    if (take_attributes(dump, &entry, payload + sizeof *message, length - sizeof *message) != MORE)
        return FAILED;
    if (!entry.port)
        return MORE; /* closed after the dump had found it */
    return count_listener(dump->tally, &entry) ? MORE : fail_out_of_memory(dump);
}
