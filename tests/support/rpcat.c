/*
 * Owns one request in the name of somebody else: `rpcat UID GID SOCKET REQUEST` becomes that user,
 * sends REQUEST as it stands and prints the reply. Refuses supplementary groups. Started by tests
 * of who may ask gend.
 *
 * Exit status: 0 a reply came; 3 none within the time; 4 it cannot become that user; 1 otherwise.
 */

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/rpc.h"

#define TIMEOUT_MSEC 3000

/* Whether the file system lets it in; NNG would try for ever. */
static bool can_connect(const char *path)
{
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
        return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

int main(int argc, char *argv[])
{
        _cleanup_(freep) char *reply = NULL;
        RpcCall *call = NULL;
        Rpc *rpc = NULL;
        uid_t uid;
        gid_t gid;
        int r;

        if (argc != 5)
                return EXIT_FAILURE;
        uid = (uid_t)strtoul(argv[1], NULL, 10);
        gid = (gid_t)strtoul(argv[2], NULL, 10);
        if (uid != getuid() && (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
                                setresuid(uid, uid, uid) < 0))
                return 4;
        if (!can_connect(argv[3]))
                return 3;
        if (rpc_open(argv[3], &rpc) < 0 ||
            rpc_begin(rpc, argv[4], strlen(argv[4]), TIMEOUT_MSEC, &call) < 0)
                return EXIT_FAILURE;
        r = rpc_end(&call, &reply);
        (void)rpc_close(rpc);
        if (r < 0)
                return r == -ETIMEDOUT ? 3 : EXIT_FAILURE;
        (void)puts(reply);
        return EXIT_SUCCESS;
}
