/* Connects NUMBER times to a port of 127.0.0.9 and closes each socket through io_uring, without
 * liburing. Prints how many: none if the kernel does not permit io_uring.
 *
 * usage: uring_close PORT NUMBER
 */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *map(int ring, size_t size, off_t offset)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);

    if (mapped == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return mapped;
}

int main(int count, char **words)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(words[count - 2]))};
    int number = atoi(words[count - 1]);
    struct io_uring_params parameters = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 1, &parameters);

    if (ring < 0) {
        puts("0");
        return 0;
    }
    inet_pton(AF_INET, "127.0.0.9", &server.sin_addr);
    /* One mapping has both queues, the answers second (IORING_FEAT_SINGLE_MMAP). */
    struct io_cqring_offsets *answers = &parameters.cq_off;
    char *queues = map(ring, answers->cqes + parameters.cq_entries * sizeof(struct io_uring_cqe),
                       IORING_OFF_SQ_RING);
    struct io_uring_sqe *entry = (void *)map(ring, sizeof *entry, IORING_OFF_SQES);
    unsigned *tail = (unsigned *)(queues + parameters.sq_off.tail);
    unsigned *first = (unsigned *)(queues + parameters.sq_off.array);

    for (int i = 0; i < number; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(client, (struct sockaddr *)&server, sizeof server) < 0) {
            perror("connect");
            return 1;
        }
        memset(entry, 0, sizeof *entry);
        entry->opcode = IORING_OP_CLOSE;
        entry->fd = client;
        /* Every other one is closed by an io_uring worker, not by the calling thread. */
        entry->flags = i & 1 ? IOSQE_ASYNC : 0;
        *first = 0;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
            perror("io_uring_enter");
            return 1;
        }
        __atomic_store_n((unsigned *)(queues + answers->head),
                         *(unsigned *)(queues + answers->tail), __ATOMIC_RELEASE);
    }
    printf("%d\n", number);
    return 0;
}
