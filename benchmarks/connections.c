/*
 * Lives of TCP connections over loopback, both ends, and connects that find no local port.
 *
 * For each line on standard input it makes that many, and prints the seconds they took:
 * {"wall": 0.041, "cpu": 0.040}. "life NUMBER": connect, accept, and close, the client first.
 * "refused NUMBER": connect() while the local port range is full; the caller makes it one port.
 * Ends when its input does; any error ends it with code 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 90 /* below every ephemeral port range; the namespace is ours */
#define DESTINATIONS 100 /* one alone would run out of ports */

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

static int make_socket(void)
{
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made < 0)
		fail("socket");
	return made;
}

static int try_to_connect(int client, unsigned int destination)
{
	struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + destination % DESTINATIONS),
	};

	return connect(client, (struct sockaddr *)&server, sizeof(server));
}

static int listener(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int server = make_socket();

	if (bind(server, (struct sockaddr *)&any, sizeof(any)) != 0 || listen(server, 16) != 0)
		fail("listen");
	return server;
}

static void live(int server, unsigned int number)
{
	int client = make_socket(), accepted;

	if (try_to_connect(client, number) != 0)
		fail("connect");
	accepted = accept(server, NULL, NULL);
	if (accepted < 0)
		fail("accept");
	close(client);
	close(accepted);
}

static void be_refused(void)
{
	int client = make_socket();

	if (try_to_connect(client, 0) == 0 || errno != EADDRNOTAVAIL)
		fail("connect: the range is not full");
	close(client);
}

int main(void)
{
	char line[32], kind[16];
	unsigned int number;
	int server = listener();

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %u", kind, &number) != 2)
			fail(line);
		bool whole = strcmp(kind, "life") == 0;
		double wall = seconds(CLOCK_MONOTONIC);
		double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);

		for (unsigned int i = 0; i < number; i++) {
			if (whole)
				live(server, i);
			else
				be_refused();
		}
		cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		wall = seconds(CLOCK_MONOTONIC) - wall;
		printf("{\"wall\": %.9f, \"cpu\": %.9f}\n", wall, cpu);
		fflush(stdout);
	}
	close(server);
	return 0;
}
