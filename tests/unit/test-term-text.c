/*
 * Terms as text, there and back, with the place of each fault; and Erlang's order of terms.
 */
#include <gen/term.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

static inline void term_release(gen_term *term)
{
        *term = gen_term_free(*term);
}
#define OWNED _cleanup_(term_release)

static gen_term parse(const char *text)
{
        gen_text_fault fault = {0};
        gen_term term = GEN_TERM_NULL;
        int r = gen_term_parse(text, strlen(text), &term, &fault);

        ck_assert_msg(r == 0, "%s: %d at %zu: %s", text, r, fault.position, fault.message);
        ck_assert_msg(gen_term_is_valid(term), "%s is not valid", text);
        return term;
}

static void assert_text(gen_term term, const char *expected)
{
        _cleanup_(freep) char *text = NULL;

        assert_ok(gen_term_text(term, 0, &text));
        ck_assert_str_eq(text, expected);
}

static void assert_prints(const char *text, const char *expected)
{
        OWNED gen_term term = parse(text);

        assert_text(term, expected);
}

/* ---- text ---- */

START_TEST(text_is_read_and_written)
{
        static const struct {
                const char *text;
                const char *printed;
        } pairs[] = {
                {" { a , [ ] } . % end", "{a,[]}"},
                {"[1,2|[3,4|[]]]", "[1,2,3,4]"},
                {"[300|400]", "[300|400]"},
                {"#{}", "#{}"},
                {"#{a=>#{b=>c}}", "#{a => #{b => c}}"},
                {"16#fF", "255"},
                {"2#101", "5"},
                {"36#Zz", "1295"},
                {"1_000", "1000"},
                {"$a", "97"},
                {"$\\n", "10"},
                {"-0", "0"},
                {"+5", "5"},
                {"-9223372036854775808", "-9223372036854775808"},
                {"123456789012345678901234567890", "123456789012345678901234567890"},
                {"-16#ffffffffffffffffffffffff", "-79228162514264337593543950335"},
                {"1.0", "1.0"},
                {"-0.0", "-0.0"},
                {"1.0e10", "1.0e10"},
                {"1.5E-7", "1.5e-7"},
                {"0.1", "0.1"},
                {"123456.789", "123456.789"},
                {"5.0e-324", "5.0e-324"},
                {"1.7976931348623157e308", "1.7976931348623157e308"},
                {"'hello world'", "'hello world'"},
                {"'with'", "with"},
                {"'end'", "'end'"},
                {"''", "''"},
                {"'it\\'s\\n\\x{263a}'", "'it\\'s\\n\xe2\x98\xba'"},
                {"a@b_C9", "a@b_C9"},
                {"'Upper'", "'Upper'"},
                {"\"\"", "[]"},
                {"\"a\\\"b\\x41\\101\\s\"", "\"a\\\"bAA \""},
                {"[97,98]", "\"ab\""},
                {"[1,98]", "[1,98]"},
                {"\"\\x{263a}\"", "\"\xe2\x98\xba\""},
                {"<<>>", "<<>>"},
                {"<<\"abc\">>", "<<\"abc\">>"},
                {"<<\"a\",1,2>>", "<<97,1,2>>"},
                {"<<\"\xc3\xbc\"/utf8>>", "<<\"\xc3\xbc\"/utf8>>"},
                {"<<\"\xc3\xbc\">>", "<<252>>"},
                {"<<1,2,3:4>>", "<<1,2,3:4>>"},
                {"<<1:1,1:7,258:16>>", "<<129,1,2>>"},
                {"<<5:3>>", "<<5:3>>"},
                {"<3.17@shop@localhost/5>", "<3.17@shop@localhost/5>"},
                {"<3.17@'Odd node'/5>", "<3.17@'Odd node'/5>"},
                {"#Ref<1.2.3@shop@localhost/5>", "#Ref<1.2.3@shop@localhost/5>"},
                {"#Port<18446744073709551615@a/1>", "#Port<18446744073709551615@a/1>"},
                {"fun lists:map/2", "fun lists:map/2"},
        };

        for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
                assert_prints(pairs[i].text, pairs[i].printed);
}
END_TEST

START_TEST(plain_text_shows_numbers)
{
        OWNED gen_term term = parse("{\"ab\", <<\"cd\">>}");
        char text[64];
        size_t length;

        assert_ok(gen_term_print_to(term, GEN_PRINT_PLAIN, text, sizeof(text), &length));
        ck_assert_str_eq(text, "{[97,98],<<99,100>>}");
        ck_assert_uint_eq(length, strlen(text));
        assert_fails(gen_term_print_to(term, GEN_PRINT_PLAIN, text, 10, &length), ENOBUFS);
        ck_assert_str_eq(text, "{[97,98],");
        ck_assert_uint_eq(length, 20);
}
END_TEST

START_TEST(wrong_text_says_where_and_what)
{
        static const struct {
                const char *text;
                size_t position;
        } wrong[] = {
                {"", 0},
                {"{", 1},
                {"{a,}", 3},
                {"{a b}", 3},
                {"[a|b,c]", 4},
                {"#{a}", 3},
                {"~i", 0},
                {"X", 0},
                {"'abc", 0},
                {"\"a", 0},
                {"1.5e", 4},
                {"37#1", 0},
                {"12a", 2},
                {"<<256>>", 2},
                {"<<\"\\x{100}\">>", 2},
                {"a b", 2},
                {"<1.2>", 4},
                {"#{a=>1,a=>2}", 0},
                {"1.0e999", 0},
                {"#Ref<1@a>", 9 - 1},
                {"[a", 2},
                {"\"\xff\"", 1},
                {"- 1", 1},
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                gen_text_fault fault = {.position = 999};
                gen_term term;

                assert_fails(gen_term_parse(wrong[i].text, strlen(wrong[i].text), &term, &fault),
                             EINVAL);
                ck_assert_msg(fault.position == wrong[i].position && fault.message,
                              "%s: at %zu: %s", wrong[i].text, fault.position, fault.message);
        }
}
END_TEST

START_TEST(pids_of_this_node_have_a_short_form)
{
        OWNED gen_term term = GEN_TERM_NULL;
        gen_pid pid;

        assert_ok(gen_node_set_local("here@localhost", 7));
        term = parse("{<3.17>, #Ref<1.2>, <3.17@here@localhost/8>}");
        ck_assert(gen_match(term, "{~p, ~_, ~_}", &pid));
        ck_assert_str_eq(gen_node_name(pid.node), "here@localhost");
        ck_assert(pid.worker == 3 && pid.actor == 17 && pid.creation == 7);
        assert_text(term, "{<3.17>,#Ref<1.2>,<3.17@here@localhost/8>}");
        assert_fails(gen_node_set_local("", 7), EINVAL);
}
END_TEST

/* ---- order ---- */

START_TEST(terms_have_erlangs_order)
{
        static const char *const ascending[] = {
                "-123456789012345678901234567890",
                "-1.0e10",
                "-5",
                "0",
                "1",
                "1.5",
                "2",
                "9007199254740993",
                "1.0e30",
                "123456789012345678901234567890123",
                "1.0e300",
                "'A'",
                "a",
                "aa",
                "b",
                "#Ref<1@a/1>",
                "#Ref<2@a/1>",
                "fun a:b/1",
                "<1.1@a/1>",
                "<1.2@a/1>",
                "{}",
                "{b}",
                "{a,a}",
                "{a,b}",
                "#{}",
                "#{b=>1}",
                "#{a=>1,b=>2}",
                "#{a=>1,b=>3}",
                "#{a=>1,c=>0}",
                "[]",
                "[1|a]",
                "[1]",
                "[1,2]",
                "[2]",
                "<<>>",
                "<<1:1>>",
                "<<255>>",
                "<<255,1:1>>",
                "<<255,255>>",
        };

        for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
                OWNED gen_term a = parse(ascending[i]);

                for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
                        OWNED gen_term b = parse(ascending[k]);
                        int expected = i < k ? -1 : i > k;

                        ck_assert_msg(gen_term_compare(a, b) == expected, "%s against %s: %d",
                                      ascending[i], ascending[k], gen_term_compare(a, b));
                        ck_assert(gen_term_equal(a, b) == (i == k));
                }
        }
        {
                OWNED gen_term one = parse("{1, #{1 => 2}}"), real = parse("{1.0, #{1 => 2.0}}");
                OWNED gen_term real_key = parse("{1, #{1.0 => 2}}");

                ck_assert_int_eq(gen_term_compare(one, real), 0);
                ck_assert(!gen_term_equal(one, real));
                ck_assert_int_ne(gen_term_compare(one, real_key), 0);
        }
}
END_TEST

START_TEST(maps_are_equal_in_any_order_of_keys)
{
        OWNED gen_term a = parse("#{a => [1,2], b => #{x => 1, y => 2}}");
        OWNED gen_term b = parse("#{b => #{y => 2, x => 1}, a => [1,2]}");
        OWNED gen_term c = parse("#{b => #{y => 2, x => 3}, a => [1,2]}");

        ck_assert(gen_term_equal(a, b));
        ck_assert(!gen_term_equal(a, c));
        ck_assert(gen_match(a, "#{b := ~_}"));
}
END_TEST

static TCase *text_case(void)
{
        TCase *tc = tcase_create("text");

        tcase_add_test(tc, text_is_read_and_written);
        tcase_add_test(tc, plain_text_shows_numbers);
        tcase_add_test(tc, wrong_text_says_where_and_what);
        tcase_add_test(tc, pids_of_this_node_have_a_short_form);
        tcase_add_test(tc, terms_have_erlangs_order);
        tcase_add_test(tc, maps_are_equal_in_any_order_of_keys);
        return tc;
}

TEST_MAIN("term-text", text_case())
