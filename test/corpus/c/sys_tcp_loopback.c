#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, status;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) || listen(listener, 4) ||
        getsockname(listener, (struct sockaddr *)&addr, &len)) {
        perror("listen");
        return 1;
    }
    printf("family %d, length %u, %s, port given %d\n", addr.sin_family, (unsigned)len, inet_ntoa(addr.sin_addr),
           ntohs(addr.sin_port) != 0);
    fflush(stdout);
    if (fork() == 0) {
        close(listener);
        int s = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(s, (struct sockaddr *)&addr, sizeof addr))
            _exit(1);
        for (unsigned i = 0; i < 1000; i++) {
            unsigned net = htonl(i * i);
            if (write(s, &net, sizeof net) != sizeof net)
                _exit(2);
        }
        shutdown(s, SHUT_WR);
        char answer[32];
        ssize_t n = read(s, answer, sizeof answer);
        _exit(n == 4 && !memcmp(answer, "done", 4) ? 42 : 3);
    }
    struct sockaddr_storage peer;
    len = sizeof peer;
    int s = accept(listener, (struct sockaddr *)&peer, &len);
    unsigned char buffer[777];
    unsigned long long sum = 0;
    unsigned value = 0, bytes = 0;
    ssize_t n;
    while ((n = read(s, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            value = value << 8 | buffer[i];
            if (++bytes % 4 == 0)
                sum += value;
        }
    printf("%u bytes, sum %llu, peer family %d\n", bytes, sum, peer.ss_family);
    if (write(s, "done", 4) != 4)
        return 1;
    wait(&status);
    printf("client says %d\n", WEXITSTATUS(status));
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;
    printf("%d ", inet_pton(AF_INET6, "2001:db8:0:0::1", &six));
    puts(inet_ntop(AF_INET6, &six, text, sizeof text));
    return 0;
}
