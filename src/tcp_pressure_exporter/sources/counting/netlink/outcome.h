/* How a step of a dump ended, and what went wrong in it. */
#pragma once
#include <stdbool.h>

enum outcome { MORE, DONE, FAILED };

/* One of three: an operation and a reason in words, an operation and the errno in the kernel's
 * answer, or the errno of a system call. */
struct failure {
    const char *operation;
    char reason[96];
    bool answered; /* kernel_errno is the reason */
    int kernel_errno, call_errno;
};

/* Note what went wrong; return FAILED. */
enum outcome fail(struct failure *failure, const char *operation, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));
