/* A faulty kernel, between the exporter and libc (LD_PRELOAD): netlink that refuses, lies, stays
 * silent or never ends, bpf(2) that refuses, and clocks that jump.
 *
 * A file that tests/faults/shim.py writes says which faults are on: struct faults, mapped here.
 * Only the calls of a dump are intercepted: send, recvfrom, poll; other sockets pass untouched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DUMP_SECONDS 61   /* more than a dump may take (sources/netlink/socket.py) */
#define REPLAYS 200       /* how many parts of an endless dump pass in real time */
#define REPLAY_MICROSECONDS 100

/* In the order of the fields in shim.py. Codes are errno values, 0 for no such fault. */
struct faults {
	int64_t send_error;      /* send() fails */
	int64_t receive_error;   /* recvfrom() fails */
	int64_t answer_error;    /* the kernel answers NLMSG_ERROR with this code */
	int64_t interrupted;     /* NLM_F_DUMP_INTR on every message */
	int64_t cut;             /* the last bytes of each datagram are missing */
	int64_t garbage;         /* datagrams of 0xff */
	int64_t silent;          /* requests never reach the kernel */
	int64_t endless;         /* NLMSG_DONE never comes, something else comes for ever */
	int64_t realtime_step;   /* seconds that CLOCK_REALTIME is off */
	int64_t boottime_step;   /* seconds that CLOCK_BOOTTIME is off: what a suspend adds */
	int64_t bpf_error;       /* bpf() fails */
};

static const struct faults NONE;
static const struct faults *faults = &NONE;
static __thread int replays;        /* of an endless dump, on this thread */
static __thread int a_minute_later; /* the next look at the clock ends the dump */

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
static int (*real_poll)(struct pollfd *, nfds_t, int);

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("TCP_PRESSURE_FAULTS");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	real_send = dlsym(RTLD_NEXT, "send");
	real_recvfrom = dlsym(RTLD_NEXT, "recvfrom");
	real_poll = dlsym(RTLD_NEXT, "poll");
	if (file < 0)
		return;
	void *mapped = mmap(NULL, sizeof(*faults), PROT_READ, MAP_SHARED, file, 0);
	if (mapped != MAP_FAILED)
		faults = mapped;
	close(file);
}

/* For what libc has no function: bpf(2), among others. */
long syscall(long number, ...)
{
	static long (*real_syscall)(long, ...);
	long arguments[6];
	va_list list;

	if (!real_syscall)
		real_syscall = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_bpf && faults->bpf_error) {
		errno = (int)faults->bpf_error;
		return -1;
	}
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	return real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			    arguments[4], arguments[5]);
}

static int is_netlink(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);
	int kept = errno;
	int found = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0;

	errno = kept;
	return found && domain == AF_NETLINK;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = real_clock_gettime(clock, time);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		time->tv_sec += faults->realtime_step;
	else if (clock == CLOCK_BOOTTIME)
		time->tv_sec += faults->boottime_step;
	else if (clock == CLOCK_MONOTONIC && a_minute_later) {
		a_minute_later = 0;
		time->tv_sec += DUMP_SECONDS;
	}
	return result;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	replays = 0;
	if (faults->send_error && is_netlink(fd)) {
		errno = (int)faults->send_error;
		return -1;
	}
	if (faults->silent && is_netlink(fd))
		return (ssize_t)size;
	return real_send(fd, data, size, flags);
}

/* Replace the dump's messages with something else; return the datagram's size. */
static ssize_t spoil(char *datagram, ssize_t size)
{
	struct nlmsghdr header;

	for (ssize_t at = 0; at + (ssize_t)sizeof(header) <= size; at += NLMSG_ALIGN(header.nlmsg_len)) {
		memcpy(&header, datagram + at, sizeof(header));
		if (faults->interrupted)
			header.nlmsg_flags |= NLM_F_DUMP_INTR;
		if (faults->answer_error) {
			int32_t code = -(int32_t)faults->answer_error;

			header.nlmsg_type = NLMSG_ERROR;
			memcpy(datagram + at + sizeof(header), &code, sizeof(code));
		}
		if (faults->endless && header.nlmsg_type == NLMSG_DONE) {
			header.nlmsg_type = NLMSG_NOOP;
			replays = 1;
		}
		memcpy(datagram + at, &header, sizeof(header));
		if (header.nlmsg_len < sizeof(header))
			break;
	}
	if (faults->garbage)
		memset(datagram, 0xff, (size_t)size);
	return faults->cut ? size - 3 : size;
}

/* Another meaningless message, as from a kernel that never finishes. */
static ssize_t replay(char *buffer, struct sockaddr *from, socklen_t *from_size)
{
	const struct nlmsghdr noop = { .nlmsg_len = sizeof(noop), .nlmsg_type = NLMSG_NOOP };
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	usleep(REPLAY_MICROSECONDS);
	a_minute_later = ++replays > REPLAYS;
	memcpy(buffer, &noop, sizeof(noop));
	memcpy(from, &kernel, sizeof(kernel));
	*from_size = sizeof(kernel);
	return sizeof(noop);
}

ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *from_size)
{
	if (faults == &NONE || !is_netlink(fd))
		return real_recvfrom(fd, buffer, size, flags, from, from_size);
	if (faults->receive_error) {
		errno = (int)faults->receive_error;
		return -1;
	}
	if (faults->endless && replays)
		return replay(buffer, from, from_size);
	if (replays) { /* the fault ended in the middle of a dump, and nothing real is left of that */
		errno = ENOBUFS;
		return -1;
	}
	ssize_t received = real_recvfrom(fd, buffer, size, flags, from, from_size);
	return received > 0 && (size_t)received <= size ? spoil(buffer, received) : received;
}

int poll(struct pollfd *files, nfds_t count, int milliseconds)
{
	/* glibc declares the array write-only, which it is not: poll reads which files are meant. */
	if (replays && count == 1 && is_netlink(*(volatile int *)&files->fd)) {
		files->revents = POLLIN;
		return 1;
	}
	return real_poll(files, count, milliseconds);
}
