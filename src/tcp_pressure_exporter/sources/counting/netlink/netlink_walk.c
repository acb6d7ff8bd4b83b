#include "netlink_walk.h"

#include <linux/netlink.h>
#include <string.h>

static const char DUMP[] = "netlink dump", MESSAGE[] = "netlink message";

enum outcome fail_out_of_memory(struct dump *dump)
{
    return fail(&dump->failure, dump->name, "out of memory");
}

/* NLMSG_DONE, NLMSG_ERROR and NLMSG_OVERRUN. */
static enum outcome end_dump(struct dump *dump, uint16_t type, const uint8_t *payload,
                             uint32_t length)
{
    int32_t code;

    if (type == NLMSG_OVERRUN)
        return fail(&dump->failure, DUMP, "NLMSG_OVERRUN: data lost");
    if (type == NLMSG_DONE && length == 0)
        return DONE;
    if (length < sizeof code)
        return fail(&dump->failure, DUMP, "an ending of %u bytes carries no code", length);
    memcpy(&code, payload, sizeof code);
    if (type == NLMSG_DONE && code >= 0)
        return DONE;
    dump->failure.answered = true;
    dump->failure.kernel_errno = code;
    return fail(&dump->failure, DUMP, "error %d", code);
}

static enum outcome take_message(struct dump *dump, const struct nlmsghdr *header,
                                 const uint8_t *payload)
{
    uint32_t length = header->nlmsg_len - (uint32_t)sizeof *header;

    if (header->nlmsg_seq != dump->sequence || header->nlmsg_type == NLMSG_NOOP)
        return MORE;
    if (header->nlmsg_flags & NLM_F_DUMP_INTR)
        return fail(&dump->failure, DUMP, "interrupted: the table changed meanwhile");
    if (header->nlmsg_type == dump->message_type)
        return dump->count(dump, payload, length);
    if (header->nlmsg_type >= NLMSG_ERROR && header->nlmsg_type <= NLMSG_OVERRUN)
        return end_dump(dump, header->nlmsg_type, payload, length);
    return MORE;
}

enum outcome walk_datagram(struct dump *dump, const uint8_t *at, size_t left)
{
    while (left) {
        struct nlmsghdr header;
        if (left < sizeof header)
            return fail(&dump->failure, MESSAGE, "%zu bytes left, a header has 16", left);
        memcpy(&header, at, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > left)
            return fail(&dump->failure, MESSAGE, "length %u with %zu bytes left", header.nlmsg_len,
                        left);
        enum outcome outcome = take_message(dump, &header, at + sizeof header);
        if (outcome != MORE)
            return outcome;
        size_t step = NLMSG_ALIGN(header.nlmsg_len);
        if (step >= left)
            break;
        at += step;
        left -= step;
    }
    return MORE;
}
