/*
 * Makes what any user of a host may make without limit, prints a line, and keeps it until its
 * input ends.
 *
 *   crowd listeners FIRST COUNT    listening sockets, 20,000 ports per address from 127.0.0.1 up
 *   crowd close_wait FIRST COUNT   sockets whose peers are gone, at an address of the process's own
 *   crowd namespaces FIRST COUNT   processes, each in a network namespace of its own
 *
 * Needs a network namespace of its own whose `lo` is up. Ends with code 1 at any error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_PORT 10000
#define LISTENERS_EACH 20000 /* per address */
#define SERVED 443

static int must(int result, const char *operation)
{
	if (result < 0) {
		perror(operation);
		exit(1);
	}
	return result;
}

static struct sockaddr_in end_of(unsigned int address, unsigned int port)
{
	struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	end.sin_addr.s_addr = htonl(0x7f000001 + address);
	return end;
}

static int listener(unsigned int address, unsigned int port)
{
	struct sockaddr_in end = end_of(address, port);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	must(bind(fd, (void *)&end, sizeof end), "bind");
	must(listen(fd, 8), "listen");
	return fd;
}

static void make_listeners(unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++)
		listener(i / LISTENERS_EACH, FIRST_PORT + i % LISTENERS_EACH);
}

static void make_close_wait(unsigned int first, unsigned int count)
{
	struct sockaddr_in end = end_of(256 + first / 1000, SERVED);
	int server = listener(256 + first / 1000, SERVED);

	for (unsigned int i = 0; i < count; i++) {
		int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
		must(connect(client, (void *)&end, sizeof end), "connect");
		must(accept(server, NULL, NULL), "accept");
		close(client);
	}
}

static void make_namespaces(unsigned int count)
{
	int ready[2];
	char done;

	must(pipe(ready), "pipe");
	for (unsigned int i = 0; i < count; i++) {
		if (must(fork(), "fork") == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			must(unshare(CLONE_NEWNET), "unshare");
			must((int)write(ready[1], "", 1), "write");
			for (;;)
				pause();
		}
		must((int)read(ready[0], &done, 1), "read");
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	char rest[64];

	if (argc != 4)
		return 2;
	unsigned int first = (unsigned int)atoi(argv[2]), count = (unsigned int)atoi(argv[3]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
	files.rlim_cur = files.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	if (strcmp(argv[1], "listeners") == 0)
		make_listeners(first, count);
	else if (strcmp(argv[1], "close_wait") == 0)
		make_close_wait(first, count);
	else
		make_namespaces(count);
	puts("made");
	fflush(stdout);
	while (read(STDIN_FILENO, rest, sizeof rest) > 0)
		;
	if (strcmp(argv[1], "namespaces") == 0) {
		signal(SIGTERM, SIG_IGN);
		kill(0, SIGTERM); /* the processes; it leads its own group */
	}
	return 0;
}
