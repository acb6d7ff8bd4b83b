/*
 * Makes real TCP sockets over loopback: ESTABLISHED ones that it holds, and TIME_WAIT ones.
 *
 *   make_sockets PAIRS IPV6_PERCENT SOURCES HEAVY HEAVY_PERCENT LIGHT SECONDS
 *
 * First it opens PAIRS connections to itself, two ESTABLISHED sockets each, and prints a line.
 * Then, for each number on a line of standard input, it makes that many TIME_WAIT sockets and
 * prints a line. HEAVY_PERCENT of all connections go to HEAVY destinations, the others to LIGHT
 * destinations in turn; they come from SOURCES addresses. A destination is one address and port.
 *
 * Ends when its input does, after SECONDS, or with code 1 at any error. Needs a network namespace
 * of its own whose `lo` is up, with the route "local fd00::/16 dev lo", ip_nonlocal_bind for IPv6,
 * tcp_tw_reuse 0, and room in tcp_max_tw_buckets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 2
#define FIRST_PORT 80 /* thread N serves port 80 + N: below every ephemeral port range */
#define SOURCE_NET 0x7f010001U      /* 127.1.0.1; for IPv6 fd00::7f01:1 */
#define DESTINATION_NET 0x7f100001U /* 127.16.0.1; for IPv6 fd00::7f10:1 */

struct plan {
	unsigned int pairs, ipv6_percent, sources, heavy, heavy_percent, light, seconds;
};

/* Each thread connects to its own share of the destinations, on its own port. */
struct maker {
	const struct plan *plan;
	int number;
	int listener4, listener6;
	uint64_t random;
	unsigned int next_light;
	unsigned long wanted;
	bool keep_open;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static void fail(const char *operation)
{
	perror(operation);
	exit(1);
}

static socklen_t size_of(const union address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

static union address make_address(bool ipv6, uint32_t host, int port)
{
	union address address = { 0 };

	if (ipv6) {
		uint32_t tail = htonl(host);

		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(port);
		address.v6.sin6_addr.s6_addr[0] = 0xfd;
		__builtin_memcpy(&address.v6.sin6_addr.s6_addr[12], &tail, sizeof(tail));
	} else {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(port);
		address.v4.sin_addr.s_addr = htonl(host);
	}
	return address;
}

static int listen_on(bool ipv6, int port)
{
	union address address = { 0 };
	int on = 1;
	int listener = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	if (listener < 0)
		fail("socket");
	address.any.sa_family = ipv6 ? AF_INET6 : AF_INET;
	if (ipv6) {
		address.v6.sin6_port = htons(port);
		if (setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
			fail("IPV6_V6ONLY");
	} else {
		address.v4.sin_port = htons(port);
	}
	if (bind(listener, &address.any, size_of(&address)) != 0 || listen(listener, 16) != 0)
		fail("listen");
	return listener;
}

/* Let the kernel choose the port at connect(), when it knows the destination. */
static int connect_from(const union address *source, const union address *destination)
{
	int on = 1;
	int client = socket(source->any.sa_family, SOCK_STREAM, 0);

	if (client < 0)
		fail("socket");
	if (setsockopt(client, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0)
		fail("IP_BIND_ADDRESS_NO_PORT");
	if (bind(client, &source->any, size_of(source)) != 0)
		fail("bind");
	if (connect(client, &destination->any, size_of(destination)) != 0)
		fail("connect");
	return client;
}

static uint32_t random_below(struct maker *maker, uint32_t limit)
{
	/* Knuth's MMIX generator; the upper bits are the good ones. */
	maker->random = maker->random * 6364136223846793005U + 1442695040888963407U;
	return (maker->random >> 33) % limit;
}

/* Of COUNT destinations, those whose number leaves `maker->number` modulo THREADS are its own. */
static uint32_t own_share(const struct maker *maker, unsigned int count)
{
	return (count + THREADS - 1 - maker->number) / THREADS;
}

static void open_connection(struct maker *maker, int *client, int *server)
{
	const struct plan *plan = maker->plan;
	union address source, destination;
	uint32_t place;
	bool ipv6;

	if (random_below(maker, 100) < plan->heavy_percent) {
		place = random_below(maker, own_share(maker, plan->heavy));
		ipv6 = random_below(maker, 100) < plan->ipv6_percent;
	} else {
		/* The family follows from the destination: one destination is one pool. */
		place = maker->next_light++ % own_share(maker, plan->light);
		ipv6 = place % 100 < plan->ipv6_percent;
		place += plan->heavy;
	}
	source = make_address(ipv6, SOURCE_NET + random_below(maker, plan->sources), 0);
	destination = make_address(ipv6, DESTINATION_NET + place * THREADS + maker->number,
				   FIRST_PORT + maker->number);
	*client = connect_from(&source, &destination);
	*server = accept(ipv6 ? maker->listener6 : maker->listener4, NULL, NULL);
	if (*server < 0)
		fail("accept");
}

static void *make(void *argument)
{
	struct maker *maker = argument;
	int client, server;

	for (unsigned long made = 0; made < maker->wanted; made++) {
		open_connection(maker, &client, &server);
		if (maker->keep_open)
			continue;
		close(client); /* the end that closes first gets TIME_WAIT */
		close(server);
	}
	return NULL;
}

static void make_all(struct maker *makers, unsigned long count, bool keep_open)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		makers[i].wanted = (count + i) / THREADS;
		makers[i].keep_open = keep_open;
		if (pthread_create(&threads[i], NULL, make, &makers[i]) != 0)
			fail("pthread_create");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%lu\n", count);
	fflush(stdout);
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value > 100000000) {
		fprintf(stderr, "not a number up to 100000000: %s\n", text);
		exit(2);
	}
	return value;
}

static struct plan read_plan(int count, char **arguments)
{
	if (count != 8) {
		fprintf(stderr, "usage: make_sockets PAIRS IPV6_PERCENT SOURCES HEAVY "
				"HEAVY_PERCENT LIGHT SECONDS\n");
		exit(2);
	}
	return (struct plan){
		.pairs = number(arguments[1]), .ipv6_percent = number(arguments[2]),
		.sources = number(arguments[3]), .heavy = number(arguments[4]),
		.heavy_percent = number(arguments[5]), .light = number(arguments[6]),
		.seconds = number(arguments[7]),
	};
}

static void allow_many_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		fail("getrlimit");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		fail("setrlimit");
}

int main(int count, char **arguments)
{
	struct plan plan = read_plan(count, arguments);
	struct maker makers[THREADS] = { 0 };
	char line[16];

	if (plan.sources < 1 || plan.heavy < THREADS || plan.light < THREADS) {
		fprintf(stderr, "at least 1 source and %d destinations of each kind\n", THREADS);
		return 2;
	}
	alarm(plan.seconds);
	allow_many_files();
	for (int i = 0; i < THREADS; i++) {
		makers[i] = (struct maker){ .plan = &plan, .number = i, .random = i + 1 };
		makers[i].listener4 = listen_on(false, FIRST_PORT + i);
		makers[i].listener6 = listen_on(true, FIRST_PORT + i);
	}
	make_all(makers, plan.pairs, true);
	while (fgets(line, sizeof(line), stdin))
		make_all(makers, strtoul(line, NULL, 10), false);
	return 0;
}
