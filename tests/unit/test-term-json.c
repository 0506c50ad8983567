/*
 * Terms and JSON: the mapping both ways, and what is refused.
 */
#include <gen/term-json.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/support/test-main.h"

static inline void term_release(gen_term *term)
{
        *term = gen_term_free(*term);
}

static gen_term parse(const char *text)
{
        gen_term term = GEN_TERM_NULL;

        assert_ok(gen_term_parse(text, strlen(text), &term, NULL));
        return term;
}

START_TEST(json_becomes_terms)
{
        static const char *const pairs[][2] = {
                {"{}", "#{}"},
                {"{\"a\":{\"b\":[]}}", "#{<<\"a\">> => #{<<\"b\">> => []}}"},
                {"[1,-2,3.5,\"x\",true,false,null]", "[1,-2,3.5,<<\"x\">>,true,false,null]"},
                {"9223372036854775807", "9223372036854775807"},
                {"\"\xc3\xbc\"", "<<\"\xc3\xbc\"/utf8>>"},
                {"\"a\\u0000b\"", "<<97,0,98>>"},
                {"1e3", "1.0e3"},
        };

        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
                _cleanup_(term_release) gen_term expected = parse(pairs[i][1]);
                _cleanup_(term_release) gen_term term = GEN_TERM_NULL;

                assert_ok(gen_term_from_json(pairs[i][0], strlen(pairs[i][0]), &term, NULL));
                ck_assert(gen_term_is_valid(term));
                ck_assert_msg(gen_term_equal(term, expected), "%s", pairs[i][0]);
        }
}
END_TEST

START_TEST(terms_become_json)
{
        static const char *const pairs[][2] = {
                {"#{a => 1, <<\"b\">> => two}", "{\"a\":1,\"b\":\"two\"}"},
                {"{ok, [true, null, undefined]}", "[\"ok\",[true,null,\"undefined\"]]"},
                {"\"ab\"", "[97,98]"},
                {"[1 | [2, 3]]", "[1,2,3]"},
                {"2.5", "2.5"},
                {"<3.17@a@b/5>", "\"<3.17@a@b/5>\""},
                {"#Ref<1.2@a@b/5>", "\"#Ref<1.2@a@b/5>\""},
                {"<<\"x\",0>>", "\"x\\u0000\""},
                {"[]", "[]"},
                {"{}", "[]"},
        };

        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
                _cleanup_(term_release) gen_term term = parse(pairs[i][0]);
                _cleanup_(freep) char *text = NULL;

                assert_ok(gen_term_to_json(term, &text));
                ck_assert_str_eq(text, pairs[i][1]);
        }
}
END_TEST

START_TEST(what_has_no_json_is_refused)
{
        static const char *const refused[] = {
                "<<1:1>>",       "<<255>>",
                "[1 | 2]",       "9223372036854775808",
                "#{1 => 2}",     "#{a => 1, <<\"a\">> => 2}",
                "#{<<0>> => 1}",
        };

        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                _cleanup_(term_release) gen_term term = parse(refused[i]);
                char *text = NULL;

                ck_assert_msg(gen_term_to_json(term, &text) == -EINVAL, "%s", refused[i]);
        }
        {
                gen_term malformed = {.data = "h\2j", .size = 3};
                char *text = NULL;

                assert_fails(gen_term_to_json(malformed, &text), EBADMSG);
                assert_fails(gen_term_to_json(GEN_TERM_NULL, &text), EBADMSG);
        }
}
END_TEST

START_TEST(wrong_json_is_refused_with_its_place)
{
        static const char *const wrong[] = {"",    "{",     "[1,]", "{\"a\":1,\"a\":2}",
                                            "nul", "[1] 2", "1e999"};
        gen_text_fault fault;
        gen_term term;
        char deep[2 * GEN_JSON_DEPTH_MAX + 4];

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                fault.message = NULL;
                ck_assert_msg(gen_term_from_json(wrong[i], strlen(wrong[i]), &term, &fault) ==
                                      -EINVAL,
                              "%s", wrong[i]);
                ck_assert_ptr_nonnull(fault.message);
        }
        memset(deep, '[', sizeof(deep));
        assert_fails(gen_term_from_json(deep, sizeof(deep), &term, &fault), EINVAL);
        ck_assert_uint_eq(fault.position, GEN_JSON_DEPTH_MAX);
        memset(deep + GEN_JSON_DEPTH_MAX, ']', GEN_JSON_DEPTH_MAX);
        assert_ok(gen_term_from_json(deep, 2 * GEN_JSON_DEPTH_MAX, &term, &fault));
        {
                _cleanup_(freep) char *text = NULL;

                assert_ok(gen_term_to_json(term, &text));
                ck_assert_uint_eq(strlen(text), 2 * GEN_JSON_DEPTH_MAX);
                (void)gen_term_free(term);
        }
}
END_TEST

static TCase *json_case(void)
{
        TCase *tc = tcase_create("json");

        tcase_add_test(tc, json_becomes_terms);
        tcase_add_test(tc, terms_become_json);
        tcase_add_test(tc, what_has_no_json_is_refused);
        tcase_add_test(tc, wrong_json_is_refused_with_its_place);
        return tc;
}

TEST_MAIN("term-json", json_case())
