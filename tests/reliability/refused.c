/*
 * Calls connect() so that the kernel refuses it for lack of a port, and says how often.
 *
 *   refused RATE DESTINATIONS SECONDS
 *
 * RATE is per second. Of every four calls, three may choose only one port, which is bound, so the
 * search finds none. The fourth is bound to a port that already has a connection to its remote end.
 * The three go to DESTINATIONS addresses in turn. At the end it prints a line: calls whose search
 * found no port, calls whose port was taken.
 *
 * Ends after SECONDS or when its standard input ends, and with code 1 at any other result.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loopback.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* Linux 6.3 */
#endif

#define BOUND_PORT 1100 /* bound, so other searches pass it over, too */
#define TAKEN_PORT 1101
#define SERVER_PORT 70
#define HERE 0x7f000001U   /* 127.0.0.1 */
#define SERVER 0x7f020001U /* 127.2.0.1 */
#define NOWHERE 0x7f030001U /* 127.3.0.1 */
#define BATCH 20

static int tcp_socket(void)
{
	int made = socket(AF_INET, SOCK_STREAM, 0);

	if (made < 0)
		fail("socket");
	return made;
}

static void bind_to(int bound, uint32_t host, unsigned int port)
{
	struct sockaddr_in address = address_of(host, port);
	const int on = 1;

	if (setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(bound, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("bind");
}

static int connect_to(int client, uint32_t host, unsigned int port)
{
	struct sockaddr_in address = address_of(host, port);

	return connect(client, (struct sockaddr *)&address, sizeof(address));
}

/* Take the ports that the calls will lack, until the process ends. The connection ends by a reset,
 * so that neither end closes first. */
static void hold_ports(void)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int listener = tcp_socket(), client = tcp_socket();

	bind_to(tcp_socket(), HERE, BOUND_PORT);
	bind_to(listener, SERVER, SERVER_PORT);
	bind_to(client, HERE, TAKEN_PORT);
	if (setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) != 0 ||
	    listen(listener, 1) != 0 || connect_to(client, SERVER, SERVER_PORT) != 0)
		fail("hold");
}

static void must_be_refused(int result)
{
	if (result == 0 || errno != EADDRNOTAVAIL)
		fail("not refused");
}

static void find_no_port(unsigned long number, unsigned int destinations)
{
	const uint32_t only = BOUND_PORT << 16 | BOUND_PORT;
	int client = tcp_socket();

	if (setsockopt(client, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &only, sizeof(only)) != 0)
		fail("IP_LOCAL_PORT_RANGE");
	must_be_refused(connect_to(client, NOWHERE + (uint32_t)(number % destinations), 443));
	close(client);
}

static void find_port_taken(void)
{
	int client = tcp_socket();

	bind_to(client, HERE, TAKEN_PORT);
	must_be_refused(connect_to(client, SERVER, SERVER_PORT));
	close(client);
}

int main(int count, char **arguments)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned long made = 0, taken = 0;

	if (count != 4) {
		fprintf(stderr, "usage: refused RATE DESTINATIONS SECONDS\n");
		return 2;
	}
	double rate = atof(arguments[1]), seconds = atof(arguments[3]), started = now();
	unsigned int destinations = (unsigned int)atoi(arguments[2]);

	hold_ports();
	while (now() < started + seconds && poll(&input, 1, 0) == 0) {
		for (int i = 0; i < BATCH; i++, made++) {
			if (made % 4 == 3) {
				find_port_taken();
				taken++;
			} else {
				find_no_port(made, destinations);
			}
		}
		double early = (double)made / rate - (now() - started);
		if (early > 0)
			usleep((useconds_t)(early * 1e6));
	}
	printf("%lu %lu\n", made - taken, taken);
	return 0;
}
