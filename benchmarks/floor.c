/*
 * The floor of every ratio: dump all TCP sockets of the namespace and discard them.
 *
 * For each line on standard input it asks the kernel once over NETLINK_SOCK_DIAG, in the legacy
 * form whose answer covers IPv4 and IPv6 in one walk over the table, and prints the seconds it
 * took: {"wall": 0.041, "cpu": 0.040}. Nothing is decoded, so no reader of the same dump can be
 * faster. Ends when its input does; any error ends it with code 1.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ALL_STATES 0xfff    /* bits 1 to 11: the states of include/net/tcp_states.h */
#define DATAGRAM_BYTES 32768 /* the kernel makes no larger datagrams */

static void fail(const char *operation)
{
	perror(operation);
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		fail("clock_gettime");
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static void request(int netlink, unsigned int sequence)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req body;
	} message = {
		.header = {
			.nlmsg_len = sizeof(message),
			.nlmsg_type = TCPDIAG_GETSOCK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = sequence,
		},
		.body = { .idiag_states = ALL_STATES },
	};

	if (send(netlink, &message, sizeof(message), 0) != sizeof(message))
		fail("send");
}

static bool is_done(const char *message, unsigned int sequence)
{
	struct nlmsghdr header;

	memcpy(&header, message, sizeof(header));
	return header.nlmsg_type == NLMSG_DONE && header.nlmsg_seq == sequence;
}

/* NLMSG_DONE comes alone, or as the last message of the last datagram that has sockets. */
static bool ends_dump(const char *datagram, ssize_t size, unsigned int sequence)
{
	const ssize_t done_size = NLMSG_SPACE(sizeof(int));

	return is_done(datagram, sequence) ||
	       (size > done_size && is_done(datagram + size - done_size, sequence));
}

static void dump(int netlink, unsigned int sequence)
{
	static char datagram[DATAGRAM_BYTES];
	struct nlmsghdr first;
	ssize_t size;

	request(netlink, sequence);
	do {
		size = recv(netlink, datagram, sizeof(datagram), 0);
		if (size < (ssize_t)sizeof(first))
			fail("recv");
		memcpy(&first, datagram, sizeof(first));
		if (first.nlmsg_type == NLMSG_ERROR) {
			fprintf(stderr, "the kernel refused the dump\n");
			exit(1);
		}
	} while (!ends_dump(datagram, size, sequence));
}

int main(void)
{
	char line[16];
	unsigned int sequence = 0;
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (netlink < 0)
		fail("socket");
	while (fgets(line, sizeof(line), stdin)) {
		double wall = seconds(CLOCK_MONOTONIC);
		double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);

		dump(netlink, ++sequence);
		cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		wall = seconds(CLOCK_MONOTONIC) - wall;
		printf("{\"wall\": %.9f, \"cpu\": %.9f}\n", wall, cpu);
		fflush(stdout);
	}
	close(netlink);
	return 0;
}
