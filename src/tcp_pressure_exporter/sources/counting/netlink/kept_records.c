#include "kept_records.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(struct kept_records *kept, size_t bytes)
{
    size_t wanted = kept->length + bytes;

    if (wanted <= kept->room)
        return true;
    uint8_t *more = realloc(kept->bytes, wanted * 2);
    if (!more)
        return false;
    kept->bytes = more;
    kept->room = wanted * 2;
    return true;
}

bool keep_record(struct kept_records *kept, const uint8_t *record, uint32_t bytes)
{
    if (kept->count >= MAX_KEPT) {
        kept->overflow++;
        return true;
    }
    if (!make_room(kept, sizeof bytes + bytes))
        return false;
    memcpy(kept->bytes + kept->length, &bytes, sizeof bytes);
    memcpy(kept->bytes + kept->length + sizeof bytes, record, bytes);
    kept->length += sizeof bytes + bytes;
    kept->count++;
    return true;
}

void free_records(struct kept_records *kept)
{
    free(kept->bytes);
}
