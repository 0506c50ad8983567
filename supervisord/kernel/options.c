#include "supervisord/kernel/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "protocols/limits.h"
#include "protocols/ring.h"

#define TREE_DEFAULT      "/etc/gend/tree.json"
#define PING_USEC_DEFAULT (2495 * USEC_PER_MSEC)
#define PING_MSEC_MIN     10u
#define PING_MSEC_MAX     600000u

enum {
        OPT_RUNTIME_DIR = 256,
        OPT_CHECK,
        OPT_ADMIN_GROUP,
        OPT_CGROUP,
        OPT_PING,
        OPT_LOG_RING,
        OPT_VERSION,
};

static const struct option long_options[] = {
        {"tree", required_argument, NULL, 't'},
        {"runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR},
        {"check", no_argument, NULL, OPT_CHECK},
        {"admin-group", required_argument, NULL, OPT_ADMIN_GROUP},
        {"cgroup", required_argument, NULL, OPT_CGROUP},
        {"ping", required_argument, NULL, OPT_PING},
        {"log-ring", required_argument, NULL, OPT_LOG_RING},
        {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

static const char help[] =
        "gend [OPTION...]\n"
        "\n"
        "Starts the tree of processes that a file describes, and keeps it running.\n"
        "Stays in the foreground; SIGTERM and SIGINT stop everything in order, SIGHUP reloads.\n"
        "\n"
        "  -t, --tree FILE       the tree (" TREE_DEFAULT ")\n"
        "      --runtime-dir DIR where the sockets are ($RUNTIME_DIRECTORY; /run/gend for root,\n"
        "                        $XDG_RUNTIME_DIR/gend for others)\n"
        "      --check           list every fault of the tree, start nothing\n"
        "      --admin-group GRP its members may use genctl\n"
        "      --cgroup HOW      auto: what the service manager has delegated; off; or a folder\n"
        "      --ping MS         how often the services are asked for a sign of life (2495)\n"
        "      --log-ring BYTES  last output kept for each child (65536)\n"
        "      --version\n"
        "  -h, --help\n";

static int parse_ping(const char *text, Options *options)
{
        uint64_t msec;

        if (!text_to_number(text, PING_MSEC_MIN, PING_MSEC_MAX, &msec)) {
                (void)fprintf(stderr, "gend: --ping %s: expected milliseconds from %u to %u\n",
                              text, PING_MSEC_MIN, PING_MSEC_MAX);
                return OPTIONS_E_USAGE;
        }
        options->ping_usec = msec * USEC_PER_MSEC;
        return 0;
}

/* A ring's size is a power of two and at least a page. */
static int parse_ring(const char *text, Options *options)
{
        uint64_t bytes;

        if (!text_to_number(text, RING_BYTES_MIN, RING_BYTES_MAX, &bytes) ||
            (bytes & (bytes - 1)) != 0) {
                (void)fprintf(stderr,
                              "gend: --log-ring %s: expected a power of two from 4096 to %u\n",
                              text, RING_BYTES_MAX);
                return OPTIONS_E_USAGE;
        }
        options->ring_bytes = (uint32_t)bytes;
        return 0;
}

static int parse_cgroup(const char *text, Options *options)
{
        if (text[0] != '/' && strcmp(text, "auto") != 0 && strcmp(text, "off") != 0) {
                (void)fprintf(stderr,
                              "gend: --cgroup %s: expected auto, off, or an absolute path\n", text);
                return OPTIONS_E_USAGE;
        }
        options->cgroup = text;
        return 0;
}

static int take(int option, Options *options)
{
        switch (option) {
        case 't':
                options->tree = optarg;
                return 0;
        case OPT_RUNTIME_DIR:
                options->runtime_dir = optarg;
                return 0;
        case OPT_CHECK:
                options->only_check = true;
                return 0;
        case OPT_ADMIN_GROUP:
                options->admin_group = optarg;
                return 0;
        case OPT_CGROUP:
                return parse_cgroup(optarg, options);
        case OPT_PING:
                return parse_ping(optarg, options);
        case OPT_LOG_RING:
                return parse_ring(optarg, options);
        case OPT_VERSION:
                (void)puts("gend " GEND_VERSION);
                return OPTIONS_E_DONE;
        case 'h':
                (void)fputs(help, stdout);
                return OPTIONS_E_DONE;
        default:
                (void)fputs("Try gend --help\n", stderr);
                return OPTIONS_E_USAGE;
        }
}

int options_parse(int argc, char *argv[], Options *ret_options)
{
        Options options = {.tree = TREE_DEFAULT,
                           .cgroup = "auto",
                           .ping_usec = PING_USEC_DEFAULT,
                           .ring_bytes = LOG_RING_BYTES_DEFAULT};
        int option, r;

        while ((option = getopt_long(argc, argv, "t:h", long_options, NULL)) != -1) {
                r = take(option, &options);
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                (void)fprintf(stderr, "gend: unexpected argument \"%s\"\nTry gend --help\n",
                              argv[optind]);
                return OPTIONS_E_USAGE;
        }
        *ret_options = options;
        return 0;
}
