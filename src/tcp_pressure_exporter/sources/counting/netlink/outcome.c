#include "outcome.h"

#include <stdarg.h>
#include <stdio.h>

enum outcome fail(struct failure *failure, const char *operation, const char *format, ...)
{
    va_list values;

    failure->operation = operation;
    va_start(values, format);
    vsnprintf(failure->reason, sizeof failure->reason, format, values);
    va_end(values);
    return FAILED;
}
