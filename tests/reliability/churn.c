/*
 * Opens and closes TCP connections over loopback at a given rate, and says how many.
 *
 *   churn WORKERS RATE TIME_WAIT_PERCENT DESTINATIONS SECONDS
 *
 * RATE is per second over all workers, 0 for as many as the machine can make. Of the connections
 * TIME_WAIT_PERCENT are closed in order, which leaves the client's end in TIME_WAIT; the others
 * are reset and leave nothing. Every tenth of a second, and at the end, it prints a line: seconds
 * on CLOCK_MONOTONIC, connections, those that went into TIME_WAIT.
 *
 * Ends after SECONDS or when its standard input ends, and with code 1 at any error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loopback.h"

#define FIRST_PORT 80 /* worker N serves port 80 + N: below every ephemeral port range */
#define FIRST_ADDRESS 0x7f010001U /* 127.1.0.1 */
#define BATCH 20
#define MAX_WORKERS 16

static unsigned int workers, time_wait_percent, destinations;
static double rate, seconds;
static atomic_bool stopped;

struct counts {
	_Alignas(64) atomic_ulong connections;
	atomic_ulong time_waits;
};
static struct counts counts[MAX_WORKERS];

static int listen_on(unsigned int port)
{
	struct sockaddr_in address = address_of(INADDR_ANY, port);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 64) != 0)
		fail("listen");
	return listener;
}

static void connect_once(int listener, unsigned int port, unsigned long number, int in_order)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_in address = address_of(FIRST_ADDRESS + number % destinations, port);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (client < 0)
		fail("socket");
	if (!in_order && setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) != 0)
		fail("SO_LINGER");
	if (connect(client, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	int server = accept(listener, NULL, NULL);
	if (server < 0)
		fail("accept");
	close(client); /* the end that closes first gets TIME_WAIT */
	close(server);
}

static void *work(void *argument)
{
	unsigned int worker = (unsigned int)(uintptr_t)argument;
	unsigned int port = FIRST_PORT + worker;
	int listener = listen_on(port);
	double started = now();

	for (unsigned long made = 0; !stopped; made++) {
		int in_order = made * 37 % 100 < time_wait_percent; /* 37: spread evenly */

		if (rate > 0 && made % BATCH == 0) {
			double early = (double)made * workers / rate - (now() - started);

			if (early > 0)
				usleep((useconds_t)(early * 1e6));
		}
		connect_once(listener, port, made, in_order);
		atomic_fetch_add(&counts[worker].time_waits, (unsigned long)in_order);
		atomic_fetch_add(&counts[worker].connections, 1);
	}
	return NULL;
}

static void tell(void)
{
	unsigned long connections = 0, time_waits = 0;

	for (unsigned int i = 0; i < workers; i++) {
		connections += counts[i].connections;
		time_waits += counts[i].time_waits;
	}
	printf("%.6f %lu %lu\n", now(), connections, time_waits);
	fflush(stdout);
}

static void read_arguments(int count, char **arguments)
{
	if (count != 6) {
		fprintf(stderr, "usage: churn WORKERS RATE TIME_WAIT_PERCENT DESTINATIONS SECONDS\n");
		exit(2);
	}
	workers = (unsigned int)atoi(arguments[1]), rate = atof(arguments[2]);
	time_wait_percent = (unsigned int)atoi(arguments[3]);
	destinations = (unsigned int)atoi(arguments[4]), seconds = atof(arguments[5]);
	if (workers < 1 || workers > MAX_WORKERS || destinations < 1) {
		fprintf(stderr, "1 to %d workers, at least 1 destination\n", MAX_WORKERS);
		exit(2);
	}
}

int main(int count, char **arguments)
{
	pthread_t threads[MAX_WORKERS];
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	read_arguments(count, arguments);
	for (unsigned int i = 0; i < workers; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i) != 0)
			fail("pthread_create");
	for (double end = now() + seconds; now() < end && poll(&input, 1, 100) == 0;)
		tell();
	stopped = true;
	for (unsigned int i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	tell();
	return 0;
}
