#include "protocols/spawn.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/test-main.h"

static char arg0[] = "sh", arg1[] = "", arg2[] = "three words here", env0[] = "A=1", env1[] = "B=";
static char *full_argv[] = {arg0, arg1, arg2, NULL};
static char *full_envp[] = {env0, env1, NULL};
static const uint32_t groups[] = {10, 20, 30};

static SpawnSocket inet_socket(void)
{
        SpawnSocket listener = {
                .name = "web", .socktype = SOCK_STREAM, .address_len = sizeof(struct sockaddr_in)};
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};

        memcpy(listener.address, &address, sizeof(address));
        return listener;
}

/* A specification in which everything is set. */
static SpawnSpec full_spec(const SpawnSocket *listener)
{
        SpawnSpec spec = {.path = "shop/web",
                          .file = "/bin/sh",
                          .argv = full_argv,
                          .envp = full_envp,
                          .cwd = "/tmp",
                          .uid = 1000,
                          .gid = 1001,
                          .groups = groups,
                          .group_count = 3,
                          .umask = 027,
                          .nice = -5,
                          .no_new_privileges = true,
                          .out_mode = STDIO_FILE,
                          .err_mode = STDIO_NULL,
                          .out_file = "/var/log/x",
                          .rotate_bytes = 1234,
                          .keep_files = 3,
                          .sockets = listener,
                          .socket_count = 1,
                          .cgroup_optional = true,
                          .memory_max = 1ull << 33,
                          .pids_max = 64,
                          .cpu_max_percent = 250,
                          .stop_signal = 15,
                          .stop_usec = USEC_INFINITY};

        spec.limits[7].is_set = true;
        spec.limits[7].soft = 1024;
        spec.limits[7].hard = UINT64_MAX;
        return spec;
}

static void read_back(const SpawnSpec *spec, SpawnBlock *ret_block)
{
        _cleanup_(closep) int fd = -1;

        assert_ok(spawn_spec_seal(spec, &fd));
        assert_ok(spawn_block_read(fd, ret_block));
}

START_TEST(a_specification_is_read_as_it_was_written)
{
        SpawnSocket listener = inet_socket();
        SpawnSpec spec = full_spec(&listener);
        SpawnBlock block;
        const SpawnSpec *got = &block.spec;

        read_back(&spec, &block);
        ck_assert_str_eq(got->path, "shop/web");
        ck_assert_str_eq(got->file, "/bin/sh");
        ck_assert_str_eq(got->cwd, "/tmp");
        ck_assert_str_eq(got->argv[1], "");
        ck_assert_str_eq(got->argv[2], "three words here");
        ck_assert_ptr_null(got->argv[3]);
        ck_assert_str_eq(got->envp[1], "B=");
        ck_assert_ptr_null(got->envp[2]);
        ck_assert_uint_eq(got->uid, 1000);
        ck_assert_uint_eq(got->gid, 1001);
        ck_assert_mem_eq(got->groups, groups, sizeof(groups));
        ck_assert_int_eq(got->umask, 027);
        ck_assert_int_eq(got->nice, -5);
        ck_assert(got->no_new_privileges && got->cgroup_optional);
        ck_assert(got->limits[7].is_set && !got->limits[6].is_set);
        ck_assert_uint_eq(got->limits[7].hard, UINT64_MAX);
        ck_assert_int_eq(got->out_mode, STDIO_FILE);
        ck_assert_str_eq(got->out_file, "/var/log/x");
        ck_assert_ptr_null(got->err_file);
        ck_assert_uint_eq(got->rotate_bytes, 1234);
        ck_assert_uint_eq(got->socket_count, 1);
        ck_assert_str_eq(got->sockets[0].name, "web");
        ck_assert_mem_eq(got->sockets[0].address, listener.address, listener.address_len);
        ck_assert_uint_eq(got->memory_max, 1ull << 33);
        ck_assert_uint_eq(got->cpu_max_percent, 250);
        ck_assert_uint_eq(got->stop_usec, USEC_INFINITY);
        spawn_block_deinit(&block);
        ck_assert_ptr_null(block.data);
}
END_TEST

START_TEST(what_is_not_sealed_is_refused)
{
        _cleanup_(closep) int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        _cleanup_(closep) int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        SpawnBlock block;

        assert_fails(spawn_block_read(fd, &block), EPERM);
        assert_fails(spawn_block_read(null_fd, &block), EPERM);
        ck_assert_int_eq(
                fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                0);
        assert_fails(spawn_block_read(fd, &block), EINVAL); /* empty */
}
END_TEST

START_TEST(too_much_of_anything_is_refused)
{
        static char *many[LIMIT_ARGS + 2];
        static char long_text[300000];
        SpawnSocket listener = inet_socket();
        SpawnSpec spec = full_spec(&listener);
        int fd;

        for (size_t i = 0; i <= LIMIT_ARGS; i++)
                many[i] = arg0;
        spec.argv = many;
        assert_fails(spawn_spec_seal(&spec, &fd), E2BIG);
        spec.argv = full_argv;
        spec.group_count = LIMIT_GROUPS + 1;
        assert_fails(spawn_spec_seal(&spec, &fd), E2BIG);
        spec.group_count = 3;
        memset(long_text, 'x', sizeof(long_text) - 1);
        for (size_t i = 0; i < 4; i++)
                many[i] = long_text;
        many[4] = NULL;
        spec.argv = many;
        assert_fails(spawn_spec_seal(&spec, &fd), E2BIG);
}
END_TEST

/* --- One thing wrong at a time --- */

static SpawnSocket *spoiled_socket;

static void spoil_path(SpawnSpec *spec)
{
        spec->path = NULL;
}

static void spoil_file(SpawnSpec *spec)
{
        spec->file = "bin/sh";
}

static void spoil_argv(SpawnSpec *spec)
{
        spec->argv = full_argv + 3;
}

static void spoil_cwd(SpawnSpec *spec)
{
        spec->cwd = "tmp";
}

static void spoil_mode(SpawnSpec *spec)
{
        spec->err_mode = STDIO_MODE_COUNT;
}

static void spoil_out_file(SpawnSpec *spec)
{
        spec->out_file = NULL;
}

static void spoil_umask(SpawnSpec *spec)
{
        spec->umask = 01000;
}

static void spoil_nice(SpawnSpec *spec)
{
        spec->nice = 20;
}

static void spoil_signal(SpawnSpec *spec)
{
        spec->stop_signal = 65;
}

static void spoil_socktype(_unused_ SpawnSpec *spec)
{
        spoiled_socket->socktype = SOCK_RAW;
}

static void spoil_address(_unused_ SpawnSpec *spec)
{
        spoiled_socket->address_len = 129;
}

static void spoil_name(_unused_ SpawnSpec *spec)
{
        spoiled_socket->name = "a:b";
}

START_TEST(a_nonsensical_specification_is_refused)
{
        static const struct {
                const char *what;
                void (*spoil)(SpawnSpec *spec);
        } rows[] = {{"no path", spoil_path},       {"relative program", spoil_file},
                    {"no argument", spoil_argv},   {"relative folder", spoil_cwd},
                    {"no mode", spoil_mode},       {"file without name", spoil_out_file},
                    {"umask", spoil_umask},        {"nice", spoil_nice},
                    {"stop signal", spoil_signal}, {"socket type", spoil_socktype},
                    {"address", spoil_address},    {"colon in a name", spoil_name}};

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                SpawnSocket listener = inet_socket();
                SpawnSpec spec = full_spec(&listener);
                _cleanup_(closep) int fd = -1;
                SpawnBlock block;
                int r;

                spoiled_socket = &listener;
                rows[i].spoil(&spec);
                assert_ok(spawn_spec_seal(&spec, &fd));
                r = spawn_block_read(fd, &block);
                ck_assert_msg(r == -EINVAL, "%s: %d", rows[i].what, r);
        }
}
END_TEST

static void *sealed_bytes(size_t *ret_size)
{
        SpawnSocket listener = inet_socket();
        SpawnSpec spec = full_spec(&listener);
        _cleanup_(closep) int fd = -1;
        void *data;

        assert_ok(spawn_spec_seal(&spec, &fd));
        *ret_size = (size_t)lseek(fd, 0, SEEK_END);
        data = malloc(*ret_size);
        ck_assert_ptr_nonnull(data);
        ck_assert_int_eq(pread(fd, data, *ret_size, 0), (ssize_t)*ret_size);
        return data;
}

START_TEST(a_block_that_was_cut_short_is_refused)
{
        size_t size;
        _cleanup_(freep) char *whole = sealed_bytes(&size);

        for (size_t cut = 0; cut < size; cut++) {
                void *copy = malloc(cut + 1);
                SpawnBlock block;

                memcpy(copy, whole, cut);
                assert_fails(spawn_block_parse(&copy, cut, &block), EINVAL);
                ck_assert_ptr_nonnull(copy); /* still the caller's */
                free(copy);
        }
}
END_TEST

static size_t total_length(const SpawnSpec *spec)
{
        size_t sum = strlen(spec->path) + strlen(spec->file);

        for (size_t i = 0; spec->argv[i]; i++)
                sum += strlen(spec->argv[i]);
        for (size_t i = 0; spec->envp[i]; i++)
                sum += strlen(spec->envp[i]);
        for (size_t i = 0; i < spec->socket_count; i++)
                sum += strlen(spec->sockets[i].name);
        return sum;
}

/* Whatever one byte says instead: refused, or every string still ends inside the block. */
START_TEST(one_wrong_byte_leads_nowhere_outside)
{
        static const unsigned char bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
        size_t size;
        _cleanup_(freep) char *whole = sealed_bytes(&size);

        for (size_t at = 0; at < size * ARRAY_LEN(bytes); at++) {
                char *copy = malloc(size);
                void *taken = copy;
                SpawnBlock block = SPAWN_BLOCK_NULL;

                ck_assert_ptr_nonnull(copy);
                memcpy(copy, whole, size);
                copy[at / ARRAY_LEN(bytes)] = (char)bytes[at % ARRAY_LEN(bytes)];
                if (spawn_block_parse(&taken, size, &block) == 0)
                        ck_assert_uint_lt(total_length(&block.spec), size * 8);
                spawn_block_deinit(&block);
                free(taken);
        }
}
END_TEST

static TCase *spawn_case(void)
{
        TCase *tc = tcase_create("spawn");

        tcase_add_test(tc, a_specification_is_read_as_it_was_written);
        tcase_add_test(tc, what_is_not_sealed_is_refused);
        tcase_add_test(tc, too_much_of_anything_is_refused);
        tcase_add_test(tc, a_nonsensical_specification_is_refused);
        tcase_add_test(tc, a_block_that_was_cut_short_is_refused);
        tcase_add_test(tc, one_wrong_byte_leads_nowhere_outside);
        return tc;
}

TEST_MAIN("spawn", spawn_case())
