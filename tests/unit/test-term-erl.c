/*
 * Terms against Erlang itself: erl makes terms, writes them with term_to_binary and as ~w text;
 * each has to be valid here, read alike from its text, print to the same text, and, sent back, be
 * the same term to erl. Skipped without erl.
 */
#include <gen/term.h>

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

#define BYTES_MAX (4u * 1024 * 1024)
#define SECONDS   50

/* Each term as: size:32, term_to_binary; size:32, ~w text; one byte: the order against the term
 * before. */
static const char generator[] =
        "R = fun(N) -> rand:uniform(N) - 1 end,\n"
        "A = fun() -> lists:nth(rand:uniform(9), [a, ok, 'Upper', 'x y', '', 'end', "
        "list_to_atom([252]),\n"
        "     list_to_atom([9786]), 'a@b']) end,\n"
        "S = fun() -> case R(14) of\n"
        "  0 -> R(300); 1 -> R(1 bsl 40) - (1 bsl 39); 2 -> (1 bsl R(2100)) - R(1 bsl 60);\n"
        "  3 -> -(1 bsl R(70)); 4 -> A(); 5 -> R(1000) / 8; 6 -> rand:uniform() * math:pow(10, "
        "R(400) - 250);\n"
        "  7 -> list_to_binary([R(256) || _ <- lists:seq(1, R(6))]); 8 -> <<(R(1024)):10>>;\n"
        "  9 -> [R(256) || _ <- lists:seq(1, R(5))]; 10 -> []; 11 -> fun lists:map/2;\n"
        "  12 -> float(R(1 bsl 60)); 13 -> <<F:64/float>> = <<0:1,(R(2047)):11,(R(1 bsl 52)):52>>, "
        "F end end,\n"
        "G = fun G(0) -> S(); G(D) -> N = R(4), case R(6) of\n"
        "  0 -> list_to_tuple([G(D-1) || _ <- lists:seq(1, N)]);\n"
        "  1 -> [G(D-1) || _ <- lists:seq(1, N)];\n"
        "  2 -> maps:from_list([{G(D-1), G(D-1)} || _ <- lists:seq(1, N)]);\n"
        "  3 -> [G(D-1) | G(D-1)]; _ -> S() end end,\n"
        "rand:seed(exsss, {1, 2, 3}),\n"
        "B = fun(X) -> [<<(byte_size(X)):32>>, X] end,\n"
        "Make = fun(_, Last) -> T = G(3), E = term_to_binary(T),\n"
        "  W = unicode:characters_to_binary(io_lib:format(\"~tw\", [T])),\n"
        "  O = if T < Last -> 0; T == Last -> 1; true -> 2 end,\n"
        "  {[B(E), B(W), O], T} end,\n"
        "{Out, _} = lists:mapfoldl(Make, 0, lists:seq(1, 3000)),\n"
        "ok = file:write_file(hd(init:get_plain_arguments()), Out), halt(0).";

static const char checker[] =
        "{ok, D} = file:read_file(hd(init:get_plain_arguments())),\n"
        "L = fun L(<<>>, N) -> N; L(<<S:32, X:S/binary, Z:32, Y:Z/binary, R/binary>>, N) ->\n"
        "  case binary_to_term(X) =:= binary_to_term(Y) of true -> L(R, N + 1); false -> halt(3) "
        "end end,\n"
        "L(D, 0) > 100 orelse halt(4), halt(0).";

static const char special[] =
        "P = self(), R = make_ref(), F = fun(X) -> {X, P} end, Port = hd(erlang:ports()),\n"
        "ok = file:write_file(hd(init:get_plain_arguments()), term_to_binary({P, R, F, Port, [F, "
        "F]})), halt(0).";

static void delete_file(char (*path)[64])
{
        if ((*path)[0] != '\0')
                (void)unlink(*path);
}

/* Return: the exit status of erl with @code, and @path as its argument. */
static int run_erl(const char *code, const char *path)
{
        const char *words[] = {"erl", "-noshell", "-boot", "start_clean", "-eval",
                               code,  "-extra",   path,    NULL};
        union {
                const char **borrowed;
                char *const *argv;
        } arguments = {.borrowed = words};
        int status = -1;
        pid_t pid;

        if (posix_spawnp(&pid, "erl", NULL, NULL, arguments.argv, environ) != 0)
                return 127;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t read_all(const char *path, uint8_t *data)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        size_t size;

        ck_assert_ptr_nonnull(file);
        size = fread(data, 1, BYTES_MAX, file);
        ck_assert_uint_lt(size, BYTES_MAX);
        return size;
}

static uint32_t load32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_block(FILE *file, uint8_t first, const void *data, size_t size)
{
        size_t whole = size + 1;
        uint8_t head[5] = {(uint8_t)(whole >> 24), (uint8_t)(whole >> 16), (uint8_t)(whole >> 8),
                           (uint8_t)whole, first};

        ck_assert_uint_eq(fwrite(head, 1, sizeof(head), file), sizeof(head));
        ck_assert_uint_eq(fwrite(data, 1, size, file), size);
}

/* One term of erl's. @answers: its bytes and what was read from its text, for erl to compare. */
static void check_one(gen_term term, const char *text, size_t text_size, FILE *answers)
{
        _cleanup_(freep) char *printed = NULL;
        gen_text_fault fault = {0};
        gen_term back;
        int r;

        assert_ok(gen_term_text(term, GEN_PRINT_PLAIN, &printed));
        ck_assert_msg(strlen(printed) == text_size && memcmp(printed, text, text_size) == 0,
                      "erl: %.*s\nhere: %s", (int)text_size, text, printed);
        r = gen_term_parse(text, text_size, &back, &fault);
        ck_assert_msg(r == 0, "%s: at %zu: %s", printed, fault.position, fault.message);
        ck_assert_msg(gen_term_equal(term, back), "%s", printed);
        write_block(answers, GEN_EXTERNAL_VERSION, term.data, term.size);
        write_block(answers, GEN_EXTERNAL_VERSION, back.data, back.size);
        (void)gen_term_free(back);
}

START_TEST(terms_of_erl_are_the_same_here)
{
        _cleanup_(delete_file) char path[64] = "/tmp/gend-term-XXXXXX";
        _cleanup_(freep) uint8_t *data = malloc(BYTES_MAX);
        _cleanup_(closep) int fd = mkstemp(path);
        gen_term last = {.data = "a\0", .size = 2};
        FILE *answers;
        size_t size;

        ck_assert(data && fd >= 0);
        ck_assert_int_eq(run_erl(generator, path), 0);
        size = read_all(path, data);
        answers = fopen(path, "we");
        ck_assert_ptr_nonnull(answers);
        for (size_t at = 0; at < size;) {
                uint32_t term_size = load32(data + at);
                const uint8_t *external = data + at + 4;
                uint32_t text_size = load32(external + term_size);
                const char *text = (const char *)external + term_size + 4;
                int order = text[text_size] - 1;
                gen_term term;

                ck_assert_msg(gen_term_from_external(external, term_size, &term) == 0, "%.*s",
                              (int)text_size, text);
                check_one(term, text, text_size, answers);
                ck_assert_msg(gen_term_compare(term, last) == order, "%.*s: erl %d, here %d",
                              (int)text_size, text, order, gen_term_compare(term, last));
                last = term;
                at += 4 + term_size + 4 + text_size + 1;
        }
        ck_assert_int_eq(fclose(answers), 0);
        ck_assert_int_eq(run_erl(checker, path), 0);
}
END_TEST

START_TEST(pids_references_ports_and_funs_of_erl_are_carried)
{
        _cleanup_(delete_file) char path[64] = "/tmp/gend-term-XXXXXX";
        _cleanup_(freep) uint8_t *data = malloc(BYTES_MAX);
        _cleanup_(closep) int fd = mkstemp(path);
        gen_term term, port, fun, again = GEN_TERM_NULL;
        gen_pid pid;
        gen_ref ref;

        ck_assert(data && fd >= 0);
        ck_assert_int_eq(run_erl(special, path), 0);
        assert_ok(gen_term_from_external(data, read_all(path, data), &term));
        ck_assert(gen_match(term, "{~p, ~r, ~t, ~t, [~_, ~_]}", &pid, &ref, &fun, &port));
        ck_assert_str_eq(gen_node_name(pid.node), "nonode@nohost");
        ck_assert_int_eq(gen_term_type(port), GEN_TYPE_PORT);
        ck_assert_int_eq(gen_term_type(fun), GEN_TYPE_FUN);
        assert_ok(gen_term_build(&again, "{~p, ~r, ~t, ~t, [~t, ~t]}", pid, ref, fun, port, fun,
                                 fun));
        ck_assert(gen_term_equal(term, again));
        ck_assert(gen_term_is_valid(again));
        (void)gen_term_free(again);
}
END_TEST

static TCase *erl_case(void)
{
        TCase *tc = tcase_create("erl");

        tcase_set_timeout(tc, SECONDS);
        tcase_add_test(tc, terms_of_erl_are_the_same_here);
        tcase_add_test(tc, pids_references_ports_and_funs_of_erl_are_carried);
        return tc;
}

static TCase *no_case(void)
{
        return tcase_create("skipped: there is no erl");
}

TEST_MAIN("term-erl", run_erl("halt(0).", "") == 0 ? erl_case() : no_case())
