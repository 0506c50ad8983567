/*
 * Terms: holes both ways, the forms that are refused, steps, and random terms: what is built can be
 * printed, parsed and found equal, and no byte that is changed or missing does harm.
 */
#include <gen/term.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <signal.h>
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

static gen_pid some_pid(void)
{
        gen_pid pid = {.actor = 17, .worker = 3, .creation = 5};

        assert_ok(gen_node_intern("shop@localhost", &pid.node));
        return pid;
}

static gen_ref some_ref(void)
{
        gen_ref ref = {.creation = 9, .count = 3, .words = {1, 2, UINT32_MAX}};

        assert_ok(gen_node_intern("shop@localhost", &ref.node));
        return ref;
}

static gen_term view(const void *data, size_t size)
{
        return (gen_term){.data = data, .size = size};
}

/* ---- holes ---- */

START_TEST(every_hole_that_is_built_matches_again)
{
        OWNED gen_term term = GEN_TERM_NULL;
        const char *text = NULL;
        const void *data = NULL;
        size_t text_size = 0, data_size = 0;
        char atom[GEN_ATOM_MAX];
        gen_term nested;
        uint64_t unsigned_number = 0;
        int64_t number = 0;
        double real = 0;
        gen_pid pid = {0};
        gen_ref ref = {0};
        OWNED gen_term inner = parse("{x,[y]}");

        assert_ok(gen_term_build(&term, "{~i, ~u, ~d, ~a, ~s, ~b, ~p, ~r, ~t}", INT64_MIN,
                                 UINT64_MAX, 0.1, "it is", "\xc3\xbc", "\0\xff", 2, some_pid(),
                                 some_ref(), inner));
        ck_assert(gen_term_is_valid(term));
        ck_assert(gen_match(term, "{~i, ~u, ~d, ~a, ~s, ~b, ~p, ~r, ~t}", &number, &unsigned_number,
                            &real, atom, &text, &text_size, &data, &data_size, &pid, &ref,
                            &nested));
        ck_assert_int_eq(number, INT64_MIN);
        ck_assert_uint_eq(unsigned_number, UINT64_MAX);
        ck_assert(fabs(real - 0.1) < DBL_EPSILON);
        ck_assert_str_eq(atom, "it is");
        ck_assert(text_size == 2 && memcmp(text, "\xc3\xbc", 2) == 0);
        ck_assert(data_size == 2 && memcmp(data, "\0\xff", 2) == 0);
        ck_assert(gen_pid_equal(pid, some_pid()));
        ck_assert(gen_ref_equal(ref, some_ref()));
        ck_assert(gen_term_equal(nested, inner));
        ck_assert(gen_match(term,
                            "{~_,~_,~_,'it is',<<\"\xc3\xbc\"/utf8>>,<<0,255>>,~_,~_,{x,[y]}}"));
}
END_TEST

START_TEST(integers_fit_or_do_not_match)
{
        static const int64_t values[] = {0,           1,         255,       256,
                                         -1,          INT32_MAX, INT32_MIN, 2147483648,
                                         -2147483649, INT64_MAX, INT64_MIN, 65535};
        uint64_t unsigned_number = 0;
        int64_t number;
        double real;

        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                OWNED gen_term term = GEN_TERM_NULL;

                assert_ok(gen_term_build(&term, "~i", values[i]));
                ck_assert(gen_term_is_valid(term));
                ck_assert(gen_match(term, "~i", &number));
                ck_assert_int_eq(number, values[i]);
                ck_assert(gen_match(term, "~u", &unsigned_number) == (values[i] >= 0));
                ck_assert(!gen_match(term, "~d", &real));
        }
        {
                OWNED gen_term above = parse("9223372036854775808");
                OWNED gen_term beyond = parse("18446744073709551616");
                OWNED gen_term real_one = parse("1.0");

                ck_assert(!gen_match(above, "~i", &number));
                ck_assert(gen_match(above, "~u", &unsigned_number));
                ck_assert(!gen_match(beyond, "~u", &unsigned_number));
                ck_assert(!gen_match(real_one, "~i", &number));
                ck_assert(!gen_match(real_one, "1"));
                ck_assert(gen_match(real_one, "1.0"));
        }
        /* Other forms of 1 than the shortest. */
        ck_assert(gen_match(view("b\0\0\0\1", 5), "1"));
        ck_assert(gen_match(view("n\3\0\1\0\0", 6), "~i", &number) && number == 1);
        ck_assert(gen_match(view("n\1\1\1", 4), "-1"));
}
END_TEST

/* C would pass an int as an int, and the library would read 64 bits of it. */
START_TEST(narrow_arguments_are_widened)
{
        OWNED gen_term term = GEN_TERM_NULL;
        unsigned char small = 200;
        const short negative = -5;
        bool yes = true;
        int evaluated = 0;

        assert_ok(gen_term_build(&term, "{~i,~i,~u,~i,~b,~i}", -1, negative, small, yes, "ab", 2,
                                 ++evaluated));
        assert_text(term, "{-1,-5,200,1,<<\"ab\">>,1}");
        ck_assert_int_eq(evaluated, 1);
}
END_TEST

START_TEST(outputs_are_untouched_unless_all_matches)
{
        OWNED gen_term term = parse("{1, 2.5, name, <<\"text\">>, {pair}, wrong}");
        char atom[GEN_ATOM_MAX] = "before";
        gen_term nested = GEN_TERM_NULL;
        const char *text = NULL;
        int64_t number = -7;
        double real = -7;
        size_t size = 77;

        ck_assert(!gen_match(term, "{~i, ~d, ~a, ~s, ~t, right}", &number, &real, atom, &text,
                             &size, &nested));
        ck_assert(number == -7 && real < -6 && size == 77 && !text && !nested.data);
        ck_assert_str_eq(atom, "before");
        ck_assert(!gen_match(term, "{~i}", &number));
        ck_assert(!gen_match(term, "~i", &number));
        ck_assert_int_eq(number, -7);
}
END_TEST

START_TEST(text_holes_take_utf8_only)
{
        OWNED gen_term bytes = parse("<<255,254>>");
        const char *text;
        const void *data;
        size_t size;

        ck_assert(!gen_match(bytes, "~s", &text, &size));
        ck_assert(gen_match(bytes, "~b", &data, &size));
}
END_TEST

START_TEST(lists_are_taken_apart)
{
        OWNED gen_term list = parse("[1, two, \"three\" | four]");
        gen_term head = GEN_TERM_NULL, tail = GEN_TERM_NULL;

        ck_assert(gen_match(list, "[~t | ~t]", &head, &tail));
        assert_text(head, "1");
        assert_text(tail, "[two,\"three\"|four]");
        ck_assert(gen_term_is_rest(tail));
        ck_assert(gen_match(tail, "[two | ~t]", &tail));
        ck_assert(gen_match(tail, "[~t | ~t]", &head, &tail));
        assert_text(head, "\"three\"");
        ck_assert(!gen_term_is_rest(tail));
        ck_assert(gen_match(tail, "four"));
        ck_assert(!gen_match(list, "[~_, ~_, ~_]"));
        ck_assert(gen_match(list, "[~_, ~_, ~_ | ~_]"));
        ck_assert(!gen_match(list, "[~_, ~_, ~_, ~_ | ~_]"));
}
END_TEST

START_TEST(a_list_is_walked_to_its_end_in_every_form)
{
        static const char bytes[] = "k\0\3\1\2\3";
        static const char cells[] = "l\0\0\0\1a\1l\0\0\0\1a\2k\0\1\3";
        static const char counted[] = "l\0\0\0\3a\1a\2a\3j";
        const gen_term forms[] = {view(bytes, sizeof(bytes) - 1), view(cells, sizeof(cells) - 1),
                                  view(counted, sizeof(counted) - 1)};

        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                gen_term list = forms[i];
                int64_t number, expected = 1;

                ck_assert(gen_term_is_valid(list));
                ck_assert(gen_match(list, "[1, 2, 3]"));
                ck_assert(gen_match(list, "[1 | ~_]"));
                ck_assert(!gen_match(list, "[1, 2]"));
                ck_assert(!gen_match(list, "[1, 2, 3, 4]"));
                for (size_t k = 0; k < ARRAY_LEN(forms); k++)
                        ck_assert(gen_term_equal(list, forms[k]));
                while (gen_match(list, "[~i | ~t]", &number, &list))
                        ck_assert_int_eq(number, expected++);
                ck_assert_int_eq(expected, 4);
                ck_assert(gen_match(list, "[]"));
        }
}
END_TEST

START_TEST(the_rest_of_a_list_is_a_term_like_any_other)
{
        static const char *const lists[] = {"[a,b,{c},1]", "\"abcd\"", "[a,b,c,d|e]",
                                            "[[a],[b],[c]]"};

        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                OWNED gen_term list = parse(lists[i]);
                OWNED gen_term copy = GEN_TERM_NULL, nested = GEN_TERM_NULL;
                gen_reader reader;
                gen_term head, rest, found;
                size_t count;
                char room[64];

                ck_assert(gen_match(list, "[~t | ~t]", &head, &rest));
                ck_assert(gen_term_is_rest(rest));
                ck_assert_int_eq(gen_term_type(rest), GEN_TYPE_LIST);
                assert_ok(gen_term_copy(rest, &copy));
                ck_assert(gen_term_is_valid(copy) && !gen_term_is_rest(copy));
                ck_assert_uint_eq(gen_term_size(rest), copy.size);
                ck_assert(gen_term_equal(rest, copy) && gen_term_compare(rest, copy) == 0);
                assert_ok(gen_term_copy_to(rest, room, sizeof(room), &found));
                ck_assert(gen_term_equal(found, rest));
                assert_ok(gen_term_build(&nested, "{x, [~t | ~t], ~t}", head, rest, rest));
                ck_assert(gen_term_is_valid(nested));
                ck_assert(gen_match(nested, "{x, ~t, ~_}", &found) && gen_term_equal(found, list));
                ck_assert(gen_match(rest, "~t", &found) && gen_term_equal(found, copy));
                ck_assert(!gen_match(rest, "[]") && !gen_match(rest, "{~_}"));
                gen_reader_init(&reader, rest);
                ck_assert_int_eq(gen_reader_type(&reader), GEN_TYPE_LIST);
                assert_ok(gen_reader_list(&reader, &count));
                ck_assert_uint_eq(count, i == 3 ? 2 : 3);
        }
}
END_TEST

START_TEST(maps_match_by_some_of_their_keys)
{
        OWNED gen_term map =
                parse("#{a => 1, <<\"b\">> => 2, {c,[1,2]} => 3, 4 => 5.0, \"s\" => #{}}");
        OWNED gen_term in_tuple = GEN_TERM_NULL;
        int64_t a, b, c;

        ck_assert(gen_match(map, "#{{c,[1,2]} := ~i, <<\"b\">> := ~i, a := ~i}", &c, &b, &a));
        ck_assert(a == 1 && b == 2 && c == 3);
        ck_assert(gen_match(map, "#{a := 1, a := ~i, 4 := 5.0, \"s\" := #{}}", &a));
        ck_assert(gen_match(map, "#{}"));
        ck_assert(!gen_match(map, "#{z := ~i}", &a));
        ck_assert(!gen_match(map, "#{a := 2}"));
        ck_assert(!gen_match(map, "#{4.0 := ~_}"));
        assert_ok(gen_term_build(&in_tuple, "{~t, [~t], last}", map, map));
        ck_assert(gen_match(in_tuple, "{#{4 := ~_}, [#{a := ~i}], last}", &a));
        ck_assert(!gen_match(in_tuple, "{#{4 := ~_}, [#{a := ~i}], first}", &a));
        /* The key [1,2] as a string of bytes and 4 in four bytes. */
        ck_assert(gen_match(view("t\0\0\0\1k\0\2\1\2a\7", 12), "#{[1,2] := 7}"));
        ck_assert(gen_match(view("t\0\0\0\1b\0\0\0\4a\7", 12), "#{4 := 7}"));
        ck_assert(gen_match(view("t\0\0\0\1d\0\1aa\7", 11), "#{a := 7}"));
}
END_TEST

START_TEST(atoms_of_latin1_are_atoms_of_utf8)
{
        char atom[GEN_ATOM_MAX];
        gen_term latin1 = view("s\2\xfc"
                               "b",
                               4);

        ck_assert(gen_term_is_valid(latin1));
        ck_assert(gen_match(latin1, "'\xc3\xbc"
                                    "b'"));
        ck_assert(gen_match(latin1, "~a", atom));
        ck_assert_str_eq(atom, "\xc3\xbc"
                               "b");
        ck_assert(gen_match(view("d\0\2ok", 5), "ok"));
        ck_assert(gen_match(view("v\0\2ok", 5), "ok"));
        ck_assert(!gen_match(view("d\0\2ok", 5), "no"));
}
END_TEST

START_TEST(what_no_term_can_hold_is_refused)
{
        char long_atom[GEN_ATOM_MAX + 8];
        gen_builder builder;
        gen_term term;
        char room[8];

        memset(long_atom, 'x', sizeof(long_atom));
        long_atom[256] = '\0';
        assert_fails(gen_term_build(&term, "~a", long_atom), EINVAL);
        long_atom[255] = '\0';
        assert_ok(gen_term_build(&term, "~a", long_atom));
        (void)gen_term_free(term);
        assert_fails(gen_term_build(&term, "~a", "\xff"), EINVAL);
        assert_fails(gen_term_build(&term, "~a", (const char *)NULL), EINVAL);
        assert_fails(gen_term_build(&term, "~s", "\xc0\x80"), EINVAL);
        assert_fails(gen_term_build(&term, "~d", NAN), EINVAL);
        assert_fails(gen_term_build(&term, "~d", HUGE_VAL), EINVAL);
        assert_fails(gen_term_build(&term, "~p", ((gen_pid){0})), EINVAL);
        assert_fails(gen_term_build(&term, "~r", ((gen_ref){0})), EINVAL);
        assert_fails(gen_term_build(&term, "~t", GEN_TERM_NULL), EINVAL);
        assert_fails(gen_term_build(&term, "#{~i => a, ~i => b}", 1, 1), EINVAL);
        assert_fails(gen_term_build_in(room, sizeof(room), &term, "{abc, ~i}", 1000), ENOBUFS);
        assert_ok(gen_term_build_in(room, sizeof(room), &term, "{a, ~i}", 1));
        gen_builder_init(&builder);
        assert_ok(gen_builder_build(&builder, "a"));
        assert_fails(gen_builder_build(&builder, "b"), EINVAL);
        gen_builder_deinit(&builder);
}
END_TEST

/* ---- wrong formats ---- */

static size_t fault_position;
static unsigned fault_count;

static void note_fault(const char *format, size_t position, const char *message)
{
        ck_assert(format && message);
        fault_position = position;
        fault_count++;
}

START_TEST(a_wrong_format_is_reported_with_its_place)
{
        static const struct {
                const char *format;
                size_t position;
        } wrong[] = {
                {"{a, ~q}", 4},
                {"{a", 2},
                {"", 0},
                {"[a | b | c]", 7},
                {"{a}}", 3},
                {"#{a := 1}", 4},
                {"#{a => 1, a => 2}", 0},
                {"~_", 0},
                {"'a", 0},
                {"<<1", 3},
                {"Variable", 0},
                {"~", 0},
        };
        static const char *const wrong_patterns[] = {"#{a => 1}", "#{~i := 1}", "[~i | {}]",
                                                     "[~i | ~i]", "[a | []]"};
        gen_term term = view("j", 1);

        gen_set_format_handler(note_fault);
        for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
                gen_term built;

                fault_count = 0;
                assert_fails(gen_term_build(&built, wrong[i].format), EINVAL);
                ck_assert_uint_eq(fault_count, 1);
                ck_assert_msg(fault_position == wrong[i].position, "%s: at %zu", wrong[i].format,
                              fault_position);
        }
        for (unsigned i = 0; i < ARRAY_LEN(wrong_patterns); i++) {
                fault_count = 0;
                ck_assert(!gen_match(term, wrong_patterns[i]));
                ck_assert_msg(fault_count == 1, "%s", wrong_patterns[i]);
        }
        gen_set_format_handler(NULL);
}
END_TEST

static bool may_fork(void)
{
        const char *word = getenv("CK_FORK");

        return !word || strcmp(word, "no") != 0;
}

START_TEST(a_wrong_format_ends_the_program_by_default)
{
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
        (void)gen_match(view("j", 1), "{a, ~q}");
}
END_TEST

/* One function, and so one static site, for two literals. */
static inline bool is_atom(gen_term term, const char *format)
{
        return gen_match(term, format);
}

START_TEST(a_place_with_two_formats_does_not_mix_them)
{
        OWNED gen_term a = parse("a"), b = parse("b");

        for (int i = 0; i < 3; i++) {
                ck_assert(is_atom(a, "a") && !is_atom(b, "a"));
                ck_assert(is_atom(b, "b") && !is_atom(a, "b"));
        }
        {
                char changing[] = "a";

                ck_assert(gen_match(a, changing));
                changing[0] = 'b';
                ck_assert(gen_match(b, changing) && !gen_match(a, changing));
        }
}
END_TEST

/* ---- validity ---- */

#define INVALID(text)                  \
        {                              \
                text, sizeof(text) - 1 \
        }

START_TEST(malformed_terms_are_refused)
{
        static const struct {
                const char *bytes;
                size_t size;
        } wrong[] = {
                INVALID(""),
                INVALID("\x83j"), /* a version byte */
                INVALID("jj"),    /* more than one */
                INVALID("a"),
                INVALID("h\2j"),
                INVALID("m\xff\xff\xff\xffx"),
                INVALID("l\0\0\0\0j"), /* an empty list in the long form */
                INVALID("k\0\0"),
                INVALID("l\0\0\0\1j"), /* no tail */
                INVALID("l\xff\xff\xff\xffj"),
                INVALID("i\xff\xff\xff\xff"),
                INVALID("t\x80\0\0\0"),
                INVALID("F\x7f\xf0\0\0\0\0\0\0"), /* infinity */
                INVALID("F\x7f\xf8\0\0\0\0\0\0"),
                INVALID("w\2\xc3("), /* not UTF-8 */
                INVALID("w\2\xc0\x80"),
                INVALID("w\3\xed\xa0\x80"), /* a surrogate */
                INVALID("n\1\2\1"),         /* a sign of 2 */
                INVALID("o\xff\xff\xff\xff\0"),
                INVALID("M\0\0\0\0\1"),
                INVALID("M\0\0\0\1\0x"),
                INVALID("M\0\0\0\1\x09x"),
                INVALID("Xw\0\0\0\0\1\0\0\0\1\0\0\0\1"), /* a node without a name */
                INVALID("Z\0\0w\1a\0\0\0\1"),
                INVALID("Z\0\6w\1a\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
                INVALID("gw\1a\0\0\0\1\0\0\0\1\1"),         /* an old pid */
                INVALID("c12345678901234567890123456789."), /* a float as text */
                INVALID("P\0\0\0\1x"),                      /* compressed */
                INVALID("R\0"),                             /* the atom cache */
                INVALID("t\0\0\0\2a\1a\1a\1a\2"),           /* equal keys */
                INVALID("t\0\0\0\2a\1a\1b\0\0\0\1a\2"),     /* equal keys, other bytes */
                INVALID("qw\1aw\1bj"),
                INVALID("p\0\0\0\1"),
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                ck_assert_msg(!gen_term_is_valid(view(wrong[i].bytes, wrong[i].size)), "%zu", i);
}
END_TEST

static gen_term nested_tuples(char *room, size_t depth)
{
        for (size_t i = 0; i < depth; i++) {
                room[2 * i] = 'h';
                room[2 * i + 1] = 1;
        }
        room[2 * depth] = 'j';
        return view(room, 2 * depth + 1);
}

START_TEST(depth_is_bounded)
{
        static char room[2 * 20000 + 1];
        _cleanup_(freep) char *text = NULL;

        ck_assert(gen_term_is_valid(nested_tuples(room, GEN_DEPTH_MAX)));
        assert_ok(gen_term_text(nested_tuples(room, GEN_DEPTH_MAX), 0, &text));
        ck_assert(gen_term_equal(nested_tuples(room, GEN_DEPTH_MAX),
                                 nested_tuples(room, GEN_DEPTH_MAX)));
        ck_assert(!gen_term_is_valid(nested_tuples(room, GEN_DEPTH_MAX + 1)));
        ck_assert(!gen_term_is_valid(nested_tuples(room, 20000)));
        /* Unchecked, it does no harm either. */
        ck_assert(gen_match(nested_tuples(room, 20000), "~_"));
        assert_fails(gen_term_print_to(nested_tuples(room, 20000), 0, NULL, 0, NULL), EBADMSG);
        (void)gen_term_compare(nested_tuples(room, 20000), nested_tuples(room, 20000));
}
END_TEST

START_TEST(a_list_cell_by_cell_is_not_deep)
{
        gen_builder builder;
        gen_term list;
        size_t count = 0;

        gen_builder_init(&builder);
        for (size_t i = 0; i < 10000; i++) {
                gen_builder_list(&builder, 1);
                gen_builder_int(&builder, 5000);
        }
        gen_builder_nil(&builder);
        assert_ok(gen_builder_finish(&builder, &list));
        ck_assert(gen_term_is_valid(list));
        ck_assert(gen_term_equal(list, list));
        while (gen_match(list, "[5000 | ~t]", &list))
                count++;
        ck_assert_uint_eq(count, 10000);
        gen_builder_deinit(&builder);
}
END_TEST

START_TEST(equal_keys_are_found_in_large_maps)
{
        gen_builder builder;
        gen_term map;

        for (int doubled = 0; doubled < 2; doubled++) {
                gen_builder_init(&builder);
                gen_builder_map(&builder, 1000);
                for (int64_t i = 0; i < 1000; i++) {
                        gen_builder_int(&builder, doubled && i == 999 ? 500 : i * 7919 % 100003);
                        gen_builder_nil(&builder);
                }
                if (doubled) {
                        gen_builder_reset(&builder);
                        gen_builder_map(&builder, 1000);
                        for (int64_t i = 0; i < 1000; i++) {
                                gen_builder_int(&builder, i == 999 ? 500 : i);
                                gen_builder_map(&builder, 0);
                        }
                }
                assert_ok(gen_builder_finish(&builder, &map));
                ck_assert(gen_term_is_valid(map) == !doubled);
                gen_builder_deinit(&builder);
        }
}
END_TEST

START_TEST(a_version_byte_is_taken_off_outside_terms)
{
        gen_term term;

        assert_ok(gen_term_from_external("\x83j", 2, &term));
        ck_assert(gen_match(term, "[]"));
        assert_fails(gen_term_from_external("j", 1, &term), EBADMSG);
        assert_fails(gen_term_from_external("\x83jj", 3, &term), EBADMSG);
        assert_fails(gen_term_from_external(NULL, 0, &term), EBADMSG);
}
END_TEST

/* ---- steps ---- */

START_TEST(builders_and_readers_walk_the_same_way)
{
        const void *data;
        char atom[GEN_ATOM_MAX];
        uint64_t unsigned_number;
        gen_builder builder;
        gen_reader reader;
        int64_t number;
        size_t mark, count;
        double real;
        gen_term term;
        gen_pid pid;
        gen_ref ref;

        gen_builder_init(&builder);
        gen_builder_tuple(&builder, 7);
        gen_builder_atom(&builder, "a");
        mark = gen_builder_list_open(&builder);
        gen_builder_int(&builder, -3);
        gen_builder_uint(&builder, UINT64_MAX);
        gen_builder_list_close(&builder, mark, 2);
        gen_builder_map(&builder, 1);
        gen_builder_text(&builder, "key");
        gen_builder_double(&builder, 2.5);
        gen_builder_pid(&builder, some_pid());
        gen_builder_ref(&builder, some_ref());
        mark = gen_builder_list_open(&builder);
        gen_builder_list_close(&builder, mark, 0);
        assert_fails(gen_builder_finish(&builder, &term), EINVAL);
        assert_ok(gen_builder_build(&builder, "\"xy\""));
        assert_ok(gen_builder_finish(&builder, &term));
        ck_assert(gen_term_is_valid(term));

        gen_reader_init(&reader, term);
        assert_fails(gen_reader_int(&reader, &number), EINVAL);
        assert_ok(gen_reader_tuple(&reader, &count));
        ck_assert_uint_eq(count, 7);
        assert_ok(gen_reader_atom(&reader, atom));
        assert_ok(gen_reader_list(&reader, &count));
        ck_assert_uint_eq(count, 2);
        assert_ok(gen_reader_int(&reader, &number));
        assert_fails(gen_reader_int(&reader, &number), ERANGE);
        assert_ok(gen_reader_uint(&reader, &unsigned_number));
        assert_ok(gen_reader_nil(&reader));
        assert_ok(gen_reader_map(&reader, &count));
        assert_ok(gen_reader_binary(&reader, &data, &count));
        assert_ok(gen_reader_double(&reader, &real));
        assert_ok(gen_reader_pid(&reader, &pid));
        assert_ok(gen_reader_ref(&reader, &ref));
        ck_assert(gen_pid_equal(pid, some_pid()) && gen_ref_equal(ref, some_ref()));
        assert_ok(gen_reader_nil(&reader));
        assert_ok(gen_reader_list(&reader, &count));
        ck_assert_uint_eq(count, 2);
        assert_ok(gen_reader_int(&reader, &number));
        ck_assert_int_eq(number, 'x');
        assert_ok(gen_reader_skip(&reader));
        ck_assert_int_eq(gen_reader_type(&reader), GEN_TYPE_NIL);
        assert_ok(gen_reader_nil(&reader));
        ck_assert_int_eq(gen_reader_type(&reader), GEN_TYPE_NONE);
        assert_fails(gen_reader_int(&reader, &number), ENODATA);
        assert_fails(gen_reader_term(&reader, &term), ENODATA);
        gen_builder_deinit(&builder);
}
END_TEST

START_TEST(a_fixed_builder_uses_all_its_room_and_no_more)
{
        for (size_t room = 0; room < 40; room++) {
                _cleanup_(freep) char *memory = malloc(room > 0 ? room : 1);
                gen_builder builder;
                gen_term term;
                int r;

                ck_assert_ptr_nonnull(memory);
                gen_builder_init_fixed(&builder, memory, room);
                (void)gen_builder_build(&builder, "{abc, ~i, ~s, ~i}", 1, "text", -100000000000);
                r = gen_builder_finish(&builder, &term);
                ck_assert_int_eq(r, room < 26 ? -ENOBUFS : 0);
        }
}
END_TEST

/* ---- random terms ---- */

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t bound)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (uint32_t)(random_state >> 20) % bound;
}

static void put_random_scalar(gen_builder *builder)
{
        static const char *const atoms[] = {"a",        "ok", "Upper", "with space",
                                            "\xc3\xbc", "",   "end"};
        char bytes[16];
        uint64_t bits;
        double real;

        random_state++;
        bits = (uint64_t)random_below(UINT32_MAX) << 32 | random_below(UINT32_MAX);
        switch (random_below(9)) {
        case 0:
                gen_builder_int(builder, (int64_t)random_below(300));
                break;
        case 1:
                gen_builder_int(builder,
                                (int64_t)(bits >> random_below(64)) * (random_below(2) ? 1 : -1));
                break;
        case 2:
                memcpy(&real, &bits, sizeof(real));
                gen_builder_double(builder, isfinite(real) ? real : 1.0);
                break;
        case 3:
                gen_builder_atom(builder, atoms[random_below(ARRAY_LEN(atoms))]);
                break;
        case 4:
                memcpy(bytes, &bits, sizeof(bits));
                gen_builder_binary(builder, bytes, random_below(9));
                break;
        case 5:
                gen_builder_text(builder, "some \"text\"\n");
                break;
        case 6:
                gen_builder_pid(builder, some_pid());
                break;
        case 7:
                gen_builder_ref(builder, some_ref());
                break;
        default:
                assert_ok(gen_builder_build(builder,
                                            "{\"string\", 123456789012345678901234567890, <<1:3>>, "
                                            "#Port<5@a/1>, fun a:b/1}"));
                break;
        }
}

static void put_random(gen_builder *builder, unsigned depth)
{
        uint32_t count = random_below(5);

        switch (depth == 0 ? 9 : random_below(6)) {
        case 0:
                gen_builder_tuple(builder, count);
                for (uint32_t i = 0; i < count; i++)
                        put_random(builder, depth - 1);
                break;
        case 1:
                gen_builder_list(builder, count);
                for (uint32_t i = 0; i < count; i++)
                        put_random(builder, depth - 1);
                if (count > 0 && random_below(3) == 0)
                        put_random(builder, depth - 1);
                else
                        gen_builder_nil(builder);
                break;
        case 2:
                gen_builder_map(builder, count);
                for (uint32_t i = 0; i < count; i++) {
                        gen_builder_tuple(builder, 2); /* keys that differ */
                        gen_builder_int(builder, i);
                        put_random(builder, depth - 1);
                        put_random(builder, depth - 1);
                }
                break;
        default:
                put_random_scalar(builder);
                break;
        }
}

static void assert_survives(gen_term term)
{
        _cleanup_(freep) char *text = NULL;
        OWNED gen_term back = GEN_TERM_NULL, copy = GEN_TERM_NULL;
        gen_text_fault fault = {0};
        int r;

        ck_assert(gen_term_is_valid(term));
        assert_ok(gen_term_text(term, random_below(2), &text));
        r = gen_term_parse(text, strlen(text), &back, &fault);
        ck_assert_msg(r == 0, "%s: at %zu: %s", text, fault.position, fault.message);
        ck_assert_msg(gen_term_equal(term, back), "%s", text);
        ck_assert_int_eq(gen_term_compare(term, back), 0);
        ck_assert_int_eq(gen_term_compare(back, term), 0);
        assert_ok(gen_term_copy(term, &copy));
        ck_assert(copy.size == term.size && memcmp(copy.data, term.data, term.size) == 0);
}

/* In memory of exactly its size, so that a sanitizer sees a step beyond. */
static void try_bytes(const uint8_t *data, size_t size, bool is_whole)
{
        _cleanup_(freep) uint8_t *exact = malloc(size > 0 ? size : 1);
        _cleanup_(freep) char *text = NULL;
        gen_term term = view(exact, size), head, tail;
        int r;

        ck_assert_ptr_nonnull(exact);
        if (size > 0)
                memcpy(exact, data, size);
        r = gen_term_text(term, 0, &text);
        if (gen_term_is_valid(term)) {
                ck_assert(is_whole);
                assert_ok(r);
                ck_assert(gen_term_equal(term, term));
        }
        (void)gen_term_compare(term, term);
        (void)gen_match(term, "[~t | ~t]", &head, &tail);
        (void)gen_match(term, "#{{0,a} := ~t, {1,ok} := {~t, ~_}}", &head, &tail);
}

START_TEST(random_terms_survive_text_and_damage)
{
        for (int round = 0; round < 400; round++) {
                gen_builder builder;
                gen_term term;

                random_state += (uint64_t)round;
                gen_builder_init(&builder);
                put_random(&builder, 4);
                assert_ok(gen_builder_finish(&builder, &term));
                assert_survives(term);
                if (term.size < 300) {
                        for (size_t size = 0; size < term.size; size++)
                                try_bytes(builder.data, size, false);
                        for (size_t i = 0; i < term.size; i++) {
                                uint8_t kept = builder.data[i];

                                builder.data[i] = (uint8_t)random_below(256);
                                try_bytes(builder.data, term.size, true);
                                builder.data[i] = kept ^ (uint8_t)(1u << random_below(8));
                                try_bytes(builder.data, term.size, true);
                                builder.data[i] = kept;
                        }
                }
                gen_builder_deinit(&builder);
        }
}
END_TEST

static TCase *hole_case(void)
{
        TCase *tc = tcase_create("holes");

        tcase_add_test(tc, every_hole_that_is_built_matches_again);
        tcase_add_test(tc, integers_fit_or_do_not_match);
        tcase_add_test(tc, narrow_arguments_are_widened);
        tcase_add_test(tc, outputs_are_untouched_unless_all_matches);
        tcase_add_test(tc, text_holes_take_utf8_only);
        tcase_add_test(tc, lists_are_taken_apart);
        tcase_add_test(tc, a_list_is_walked_to_its_end_in_every_form);
        tcase_add_test(tc, the_rest_of_a_list_is_a_term_like_any_other);
        tcase_add_test(tc, maps_match_by_some_of_their_keys);
        tcase_add_test(tc, atoms_of_latin1_are_atoms_of_utf8);
        tcase_add_test(tc, what_no_term_can_hold_is_refused);
        tcase_add_test(tc, a_wrong_format_is_reported_with_its_place);
        if (may_fork()) /* without it, the signal would end us */
                tcase_add_test_raise_signal(tc, a_wrong_format_ends_the_program_by_default,
                                            SIGABRT);
        tcase_add_test(tc, a_place_with_two_formats_does_not_mix_them);
        return tc;
}

static TCase *valid_case(void)
{
        TCase *tc = tcase_create("valid");

        tcase_add_test(tc, malformed_terms_are_refused);
        tcase_add_test(tc, depth_is_bounded);
        tcase_add_test(tc, a_list_cell_by_cell_is_not_deep);
        tcase_add_test(tc, equal_keys_are_found_in_large_maps);
        tcase_add_test(tc, a_version_byte_is_taken_off_outside_terms);
        return tc;
}

static TCase *step_case(void)
{
        TCase *tc = tcase_create("steps");

        tcase_set_timeout(tc, 40);
        tcase_add_test(tc, builders_and_readers_walk_the_same_way);
        tcase_add_test(tc, a_fixed_builder_uses_all_its_room_and_no_more);
        tcase_add_test(tc, random_terms_survive_text_and_damage);
        return tc;
}

TEST_MAIN("term", hole_case(), valid_case(), step_case())
