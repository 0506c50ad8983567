/*
 * Terms against libei, Erlang's own codec in C, which needs no running Erlang: what it encodes is
 * valid and matches here, what is built here it decodes to the same values.
 */
#include <gen/term.h>

#include <ei.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

static inline void term_release(gen_term *term)
{
        *term = gen_term_free(*term);
}

static inline void ei_release(ei_x_buff *buffer)
{
        (void)ei_x_free(buffer);
}

static gen_term ei_view(const ei_x_buff *buffer)
{
        return (gen_term){.data = buffer->buff, .size = (size_t)buffer->index};
}

START_TEST(what_libei_encodes_matches)
{
        _cleanup_(ei_release) ei_x_buff buffer;
        erlang_pid pid = {.node = "a@b", .num = 17, .serial = 3, .creation = 5};
        erlang_ref ref = {.node = "a@b", .len = 3, .n = {1, 2, 3}, .creation = 5};
        char atom[GEN_ATOM_MAX];
        const char *text;
        uint64_t large;
        int64_t number;
        gen_pid our_pid;
        gen_ref our_ref;
        double real;
        size_t size;

        ei_x_new(&buffer);
        ei_x_encode_tuple_header(&buffer, 9);
        ei_x_encode_atom_as(&buffer, "\xc3\xbc", ERLANG_UTF8, ERLANG_LATIN1);
        ei_x_encode_long(&buffer, -70000000000);
        ei_x_encode_ulonglong(&buffer, UINT64_MAX);
        ei_x_encode_double(&buffer, 2.5);
        ei_x_encode_binary(&buffer, "text", 4);
        ei_x_encode_pid(&buffer, &pid);
        ei_x_encode_ref(&buffer, &ref);
        ei_x_encode_string(&buffer, "abc");
        ei_x_encode_map_header(&buffer, 1);
        ei_x_encode_atom(&buffer, "key");
        for (int i = 0; i < 3; i++) { /* the way its manual shows for lists of unknown length */
                ei_x_encode_list_header(&buffer, 1);
                ei_x_encode_long(&buffer, i);
        }
        ei_x_encode_empty_list(&buffer);
        ck_assert(gen_term_is_valid(ei_view(&buffer)));
        ck_assert(gen_match(ei_view(&buffer),
                            "{~a, ~i, ~u, ~d, ~s, ~p, ~r, \"abc\", #{key := [0, 1, 2]}}", atom,
                            &number, &large, &real, &text, &size, &our_pid, &our_ref));
        ck_assert_str_eq(atom, "\xc3\xbc");
        ck_assert(number == -70000000000 && large == UINT64_MAX && real > 2.4 && real < 2.6);
        ck_assert(size == 4 && memcmp(text, "text", 4) == 0);
        ck_assert_str_eq(gen_node_name(our_pid.node), "a@b");
        ck_assert(our_pid.actor == 17 && our_pid.worker == 3 && our_pid.creation == 5);
        ck_assert(our_ref.count == 3 && our_ref.words[2] == 3 && our_ref.creation == 5);
}
END_TEST

START_TEST(what_is_built_libei_decodes)
{
        _cleanup_(term_release) gen_term term = GEN_TERM_NULL;
        gen_pid pid = {.actor = 17, .worker = 3, .creation = 5};
        gen_ref ref = {.creation = 5, .count = 2, .words = {1, 2}};
        char atom[MAXATOMLEN_UTF8], text[8];
        unsigned long long large;
        int index = 0, arity;
        erlang_pid its_pid;
        erlang_ref its_ref;
        const char *data;
        long long number;
        double real;
        long size;

        assert_ok(gen_node_intern("a@b", &pid.node));
        ref.node = pid.node;
        assert_ok(gen_term_build(&term,
                                 "{~a, ~i, ~u, ~d, ~s, ~p, ~r, [a | b], #{k => \"abc\"}, 300, -1}",
                                 "\xc3\xbc", -70000000000, UINT64_MAX, 2.5, "text", pid, ref));
        data = term.data;
        ck_assert_int_eq(ei_decode_tuple_header(data, &index, &arity), 0);
        ck_assert_int_eq(arity, 11);
        ck_assert_int_eq(
                ei_decode_atom_as(data, &index, atom, sizeof(atom), ERLANG_UTF8, NULL, NULL), 0);
        ck_assert_str_eq(atom, "\xc3\xbc");
        ck_assert_int_eq(ei_decode_longlong(data, &index, &number), 0);
        ck_assert(number == -70000000000);
        ck_assert_int_eq(ei_decode_ulonglong(data, &index, &large), 0);
        ck_assert(large == UINT64_MAX);
        ck_assert_int_eq(ei_decode_double(data, &index, &real), 0);
        ck_assert(real > 2.4 && real < 2.6);
        ck_assert_int_eq(ei_decode_binary(data, &index, text, &size), 0);
        ck_assert(size == 4 && memcmp(text, "text", 4) == 0);
        ck_assert_int_eq(ei_decode_pid(data, &index, &its_pid), 0);
        ck_assert(its_pid.num == 17 && its_pid.serial == 3 && its_pid.creation == 5);
        ck_assert_int_eq(ei_decode_ref(data, &index, &its_ref), 0);
        ck_assert(its_ref.len == 2 && its_ref.n[1] == 2);
        ck_assert_int_eq(ei_decode_list_header(data, &index, &arity), 0);
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(ei_skip_term(data, &index), 0);
        ck_assert_int_eq(ei_decode_map_header(data, &index, &arity), 0);
        ck_assert_int_eq(ei_skip_term(data, &index), 0);
        ck_assert_int_eq(ei_decode_string(data, &index, text), 0);
        ck_assert_str_eq(text, "abc");
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(ei_decode_longlong(data, &index, &number), 0);
        ck_assert(number == -1);
        ck_assert_int_eq(index, (int)term.size);
}
END_TEST

static TCase *ei_case(void)
{
        TCase *tc = tcase_create("ei");

        tcase_add_test(tc, what_libei_encodes_matches);
        tcase_add_test(tc, what_is_built_libei_decodes);
        return tc;
}

TEST_MAIN("term-ei", ei_case())
