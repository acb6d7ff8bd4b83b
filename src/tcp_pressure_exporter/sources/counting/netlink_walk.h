/* From datagrams to entries: the netlink messages of one dump, as netlink.py walks them.
 *
 * Source of the structures: linux/netlink.h (nlmsghdr, nlmsgerr).
 */
#pragma once
#include <linux/netlink.h>

#include "tally_core.h"

static enum outcome end_dump(struct tally *t, unsigned type, const uint8_t *payload, uint32_t length)
{
    int32_t code;
    if (type == NLMSG_OVERRUN) return FAIL(t, "netlink dump", "NLMSG_OVERRUN: data lost");
    if (type == NLMSG_DONE && length == 0) return DONE;
    if (length < sizeof code)
        return FAIL(t, "netlink dump", "an ending of %u bytes carries no code", length);
    memcpy(&code, payload, sizeof code);
    if (code >= 0 && type == NLMSG_DONE) return DONE;
    t->answered_errno = 1, t->kernel_errno = code;
    return FAIL(t, "netlink dump", "error");
}

static enum outcome add_datagram(struct tally *t, const uint8_t *at, size_t left)
{
    while (left) {
        struct nlmsghdr h;
        if (left < sizeof h) return FAIL(t, "netlink message", "%zu bytes left, a header has 16", left);
        memcpy(&h, at, sizeof h);
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > left)
            return FAIL(t, "netlink message", "length %u with %zu bytes left", h.nlmsg_len, left);
        const uint8_t *payload = at + sizeof h;
        uint32_t length = h.nlmsg_len - (uint32_t)sizeof h;
        if (h.nlmsg_seq == t->sequence && h.nlmsg_type != NLMSG_NOOP) {
            if (h.nlmsg_flags & NLM_F_DUMP_INTR)
                return FAIL(t, "netlink dump", "interrupted: the table changed meanwhile");
            if (h.nlmsg_type == t->message_type) {
                if (t->add(t, payload, length) == FAILED) return FAILED;
            } else if (h.nlmsg_type <= NLMSG_OVERRUN && h.nlmsg_type >= NLMSG_ERROR)
                return end_dump(t, h.nlmsg_type, payload, length);
        }
        size_t step = NLMSG_ALIGN(h.nlmsg_len);
        if (step >= left) break;
        at += step, left -= step;
    }
    return MORE;
}
