#pragma once
/*
 * The macros behind gen_match() and gen_term_build(): each place with a literal format gets a
 * static gen_site, and each argument its right width. Included by gen/term.h; for functions of
 * one's own:
 *
 *      #define my_send(to, ...) my_send_at(GEN_SITE_(__VA_ARGS__), to, GEN_ARGS_(__VA_ARGS__))
 *
 * The first of the variable arguments is the format.
 */

// clang-format off
#define GEN_FIRST_(...)         GEN_FIRST2_(__VA_ARGS__, 0)
#define GEN_FIRST2_(first, ...) first

/* The address of a static gen_site if the format is a literal, else NULL: other texts change. */
#define GEN_SITE_(...)                                                          \
        __extension__({                                                         \
                static gen_site gen_site_;                                      \
                __builtin_constant_p(GEN_FIRST_(__VA_ARGS__)) ? &gen_site_ : (gen_site *)0; \
        })

#ifdef __cplusplus
#define GEN_ARGS_(...)    __VA_ARGS__
#define GEN_OUTPUTS_(...) __VA_ARGS__
#else

/* @type as @wide, everything else as it is. The inner choice makes the cast valid for every type of x. */
#define GEN_WIDEN_(x, wide, type) \
        type *: (wide)_Generic((__typeof__(x) *)0, type *: (x), default: 0), \
        const type *: (wide)_Generic((__typeof__(x) *)0, const type *: (x), default: 0)

#define GEN_ARG_(x)                                                \
        _Generic((__typeof__(x) *)0,                               \
                GEN_WIDEN_(x, int64_t, _Bool),                     \
                GEN_WIDEN_(x, int64_t, char),                      \
                GEN_WIDEN_(x, int64_t, signed char),               \
                GEN_WIDEN_(x, int64_t, short),                     \
                GEN_WIDEN_(x, int64_t, int),                       \
                GEN_WIDEN_(x, uint64_t, unsigned char),            \
                GEN_WIDEN_(x, uint64_t, unsigned short),           \
                GEN_WIDEN_(x, uint64_t, unsigned int),             \
                default: (x))

/* Only what some hole can fill; an int * is a compile-time error here. */
#define GEN_OUTPUT_(x)                                                                  \
        _Generic((x),                                                                   \
                long *: (x), unsigned long *: (x), long long *: (x),                    \
                unsigned long long *: (x), double *: (x), char *: (x),                  \
                const char **: (x), const void **: (x),                                 \
                gen_pid *: (x), gen_ref *: (x), gen_term *: (x))

#define GEN_EACH_0_(m, a) a
#define GEN_EACH_1_(m, a, b) a, m(b)
#define GEN_EACH_2_(m, a, b, ...) a, m(b), GEN_MAP_1_(m, __VA_ARGS__)
#define GEN_EACH_3_(m, a, b, ...) a, m(b), GEN_MAP_2_(m, __VA_ARGS__)
#define GEN_EACH_4_(m, a, b, ...) a, m(b), GEN_MAP_3_(m, __VA_ARGS__)
#define GEN_EACH_5_(m, a, b, ...) a, m(b), GEN_MAP_4_(m, __VA_ARGS__)
#define GEN_EACH_6_(m, a, b, ...) a, m(b), GEN_MAP_5_(m, __VA_ARGS__)
#define GEN_EACH_7_(m, a, b, ...) a, m(b), GEN_MAP_6_(m, __VA_ARGS__)
#define GEN_EACH_8_(m, a, b, ...) a, m(b), GEN_MAP_7_(m, __VA_ARGS__)
#define GEN_EACH_9_(m, a, b, ...) a, m(b), GEN_MAP_8_(m, __VA_ARGS__)
#define GEN_EACH_10_(m, a, b, ...) a, m(b), GEN_MAP_9_(m, __VA_ARGS__)
#define GEN_EACH_11_(m, a, b, ...) a, m(b), GEN_MAP_10_(m, __VA_ARGS__)
#define GEN_EACH_12_(m, a, b, ...) a, m(b), GEN_MAP_11_(m, __VA_ARGS__)
#define GEN_EACH_13_(m, a, b, ...) a, m(b), GEN_MAP_12_(m, __VA_ARGS__)
#define GEN_EACH_14_(m, a, b, ...) a, m(b), GEN_MAP_13_(m, __VA_ARGS__)
#define GEN_EACH_15_(m, a, b, ...) a, m(b), GEN_MAP_14_(m, __VA_ARGS__)
#define GEN_EACH_16_(m, a, b, ...) a, m(b), GEN_MAP_15_(m, __VA_ARGS__)
#define GEN_EACH_17_(m, a, b, ...) a, m(b), GEN_MAP_16_(m, __VA_ARGS__)
#define GEN_EACH_18_(m, a, b, ...) a, m(b), GEN_MAP_17_(m, __VA_ARGS__)
#define GEN_EACH_19_(m, a, b, ...) a, m(b), GEN_MAP_18_(m, __VA_ARGS__)
#define GEN_EACH_20_(m, a, b, ...) a, m(b), GEN_MAP_19_(m, __VA_ARGS__)
#define GEN_EACH_21_(m, a, b, ...) a, m(b), GEN_MAP_20_(m, __VA_ARGS__)
#define GEN_EACH_22_(m, a, b, ...) a, m(b), GEN_MAP_21_(m, __VA_ARGS__)
#define GEN_EACH_23_(m, a, b, ...) a, m(b), GEN_MAP_22_(m, __VA_ARGS__)
#define GEN_EACH_24_(m, a, b, ...) a, m(b), GEN_MAP_23_(m, __VA_ARGS__)
#define GEN_EACH_25_(m, a, b, ...) a, m(b), GEN_MAP_24_(m, __VA_ARGS__)
#define GEN_EACH_26_(m, a, b, ...) a, m(b), GEN_MAP_25_(m, __VA_ARGS__)
#define GEN_EACH_27_(m, a, b, ...) a, m(b), GEN_MAP_26_(m, __VA_ARGS__)
#define GEN_EACH_28_(m, a, b, ...) a, m(b), GEN_MAP_27_(m, __VA_ARGS__)
#define GEN_EACH_29_(m, a, b, ...) a, m(b), GEN_MAP_28_(m, __VA_ARGS__)
#define GEN_EACH_30_(m, a, b, ...) a, m(b), GEN_MAP_29_(m, __VA_ARGS__)
#define GEN_EACH_31_(m, a, b, ...) a, m(b), GEN_MAP_30_(m, __VA_ARGS__)
#define GEN_EACH_32_(m, a, b, ...) a, m(b), GEN_MAP_31_(m, __VA_ARGS__)
#define GEN_MAP_1_(m, b) m(b)
#define GEN_MAP_2_(m, b, ...) m(b), GEN_MAP_1_(m, __VA_ARGS__)
#define GEN_MAP_3_(m, b, ...) m(b), GEN_MAP_2_(m, __VA_ARGS__)
#define GEN_MAP_4_(m, b, ...) m(b), GEN_MAP_3_(m, __VA_ARGS__)
#define GEN_MAP_5_(m, b, ...) m(b), GEN_MAP_4_(m, __VA_ARGS__)
#define GEN_MAP_6_(m, b, ...) m(b), GEN_MAP_5_(m, __VA_ARGS__)
#define GEN_MAP_7_(m, b, ...) m(b), GEN_MAP_6_(m, __VA_ARGS__)
#define GEN_MAP_8_(m, b, ...) m(b), GEN_MAP_7_(m, __VA_ARGS__)
#define GEN_MAP_9_(m, b, ...) m(b), GEN_MAP_8_(m, __VA_ARGS__)
#define GEN_MAP_10_(m, b, ...) m(b), GEN_MAP_9_(m, __VA_ARGS__)
#define GEN_MAP_11_(m, b, ...) m(b), GEN_MAP_10_(m, __VA_ARGS__)
#define GEN_MAP_12_(m, b, ...) m(b), GEN_MAP_11_(m, __VA_ARGS__)
#define GEN_MAP_13_(m, b, ...) m(b), GEN_MAP_12_(m, __VA_ARGS__)
#define GEN_MAP_14_(m, b, ...) m(b), GEN_MAP_13_(m, __VA_ARGS__)
#define GEN_MAP_15_(m, b, ...) m(b), GEN_MAP_14_(m, __VA_ARGS__)
#define GEN_MAP_16_(m, b, ...) m(b), GEN_MAP_15_(m, __VA_ARGS__)
#define GEN_MAP_17_(m, b, ...) m(b), GEN_MAP_16_(m, __VA_ARGS__)
#define GEN_MAP_18_(m, b, ...) m(b), GEN_MAP_17_(m, __VA_ARGS__)
#define GEN_MAP_19_(m, b, ...) m(b), GEN_MAP_18_(m, __VA_ARGS__)
#define GEN_MAP_20_(m, b, ...) m(b), GEN_MAP_19_(m, __VA_ARGS__)
#define GEN_MAP_21_(m, b, ...) m(b), GEN_MAP_20_(m, __VA_ARGS__)
#define GEN_MAP_22_(m, b, ...) m(b), GEN_MAP_21_(m, __VA_ARGS__)
#define GEN_MAP_23_(m, b, ...) m(b), GEN_MAP_22_(m, __VA_ARGS__)
#define GEN_MAP_24_(m, b, ...) m(b), GEN_MAP_23_(m, __VA_ARGS__)
#define GEN_MAP_25_(m, b, ...) m(b), GEN_MAP_24_(m, __VA_ARGS__)
#define GEN_MAP_26_(m, b, ...) m(b), GEN_MAP_25_(m, __VA_ARGS__)
#define GEN_MAP_27_(m, b, ...) m(b), GEN_MAP_26_(m, __VA_ARGS__)
#define GEN_MAP_28_(m, b, ...) m(b), GEN_MAP_27_(m, __VA_ARGS__)
#define GEN_MAP_29_(m, b, ...) m(b), GEN_MAP_28_(m, __VA_ARGS__)
#define GEN_MAP_30_(m, b, ...) m(b), GEN_MAP_29_(m, __VA_ARGS__)
#define GEN_MAP_31_(m, b, ...) m(b), GEN_MAP_30_(m, __VA_ARGS__)
#define GEN_CHOOSE_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, \
        a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, n, ...) \
        GEN_EACH_##n##_
#define GEN_COUNT_(...) \
        GEN_CHOOSE_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, \
                    13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)

/* The format, and then each argument through the macro. */
#define GEN_ARGS_(...)    GEN_COUNT_(__VA_ARGS__)(GEN_ARG_, __VA_ARGS__)
#define GEN_OUTPUTS_(...) GEN_COUNT_(__VA_ARGS__)(GEN_OUTPUT_, __VA_ARGS__)
#endif

#define gen_term_build(ret_term, ...) \
        gen_term_build_at(GEN_SITE_(__VA_ARGS__), ret_term, GEN_ARGS_(__VA_ARGS__))
#define gen_term_build_in(buffer, buffer_size, ret_term, ...)                              \
        gen_term_build_in_at(GEN_SITE_(__VA_ARGS__), buffer, buffer_size, ret_term,        \
                             GEN_ARGS_(__VA_ARGS__))
#define gen_builder_build(builder, ...) \
        gen_builder_build_at(GEN_SITE_(__VA_ARGS__), builder, GEN_ARGS_(__VA_ARGS__))
#define gen_match(term, ...) gen_match_at(GEN_SITE_(__VA_ARGS__), term, GEN_OUTPUTS_(__VA_ARGS__))
// clang-format on
