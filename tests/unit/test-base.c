/* Buffers, lists and texts. */

#include "base/buffer.h"
#include "base/list.h"
#include "base/text.h"
#include "tests/support/test-main.h"

#include <stdint.h>

typedef struct Item {
        int value;
        ListNode node;
} Item;

START_TEST(a_buffer_grows_and_keeps_what_is_in_it)
{
        Buffer buffer = BUFFER_NULL;
        unsigned char byte;

        for (unsigned i = 0; i < 100000; i++) {
                byte = (unsigned char)(i * 7);
                buffer_append(&buffer, &byte, 1);
        }
        ck_assert_uint_eq(buffer.size, 100000);
        ck_assert(!buffer.has_failed);
        for (unsigned i = 0; i < 100000; i++)
                ck_assert_uint_eq(buffer.data[i], (unsigned char)(i * 7));
        buffer_deinit(&buffer);
        ck_assert_ptr_null(buffer.data);
        buffer_deinit(&buffer);
}
END_TEST

START_TEST(a_buffer_that_failed_once_stays_failed_and_unchanged)
{
        Buffer buffer = BUFFER_NULL;

        buffer_append(&buffer, "abc", 3);
        buffer_append(&buffer, "x", SIZE_MAX / 2);
        ck_assert(buffer.has_failed);
        buffer_append(&buffer, "d", 1);
        ck_assert(buffer.has_failed);
        ck_assert_uint_eq(buffer.size, 3);
        buffer_clear(&buffer);
        ck_assert(!buffer.has_failed);
        buffer_append(&buffer, "d", 1);
        ck_assert_uint_eq(buffer.size, 1);
        buffer_deinit(&buffer);
}
END_TEST

START_TEST(a_text_is_appended_with_its_end_and_none_is_the_empty_one)
{
        Buffer buffer = BUFFER_NULL;

        buffer_append_text(&buffer, "ab");
        buffer_append_text(&buffer, NULL);
        buffer_append_text(&buffer, "");
        buffer_append(&buffer, NULL, 0);
        ck_assert_uint_eq(buffer.size, 5);
        ck_assert_mem_eq(buffer.data, "ab\0\0\0", 5);
        buffer_deinit(&buffer);
}
END_TEST

START_TEST(a_cleared_buffer_keeps_no_more_than_a_modest_size)
{
        Buffer buffer = BUFFER_NULL;
        char block[1024] = "";

        buffer_append(&buffer, block, sizeof(block));
        buffer_clear(&buffer);
        ck_assert_uint_ge(buffer.room, sizeof(block));
        for (unsigned i = 0; i < 200; i++)
                buffer_append(&buffer, block, sizeof(block));
        buffer_clear(&buffer);
        ck_assert_uint_eq(buffer.room, 0);
        buffer_deinit(&buffer);
}
END_TEST

START_TEST(a_list_keeps_its_order_and_lets_the_current_one_go)
{
        Item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
        ListNode head;
        int sum = 0;

        list_init(&head);
        ck_assert(list_is_empty(&head));
        list_remove(&items[0].node); /* in no list */
        for (size_t i = 0; i < 4; i++) {
                ck_assert(!list_is_linked(&items[i].node));
                list_append(&head, &items[i].node);
        }
        LIST_FOREACH (node, &head)
                sum = sum * 10 + LIST_ENTRY(node, Item, node)->value;
        ck_assert_int_eq(sum, 123);
        LIST_FOREACH_SAFE (node, &head)
                if (LIST_ENTRY(node, Item, node)->value % 2 == 0)
                        list_remove(node);
        sum = 0;
        LIST_FOREACH (node, &head)
                sum = sum * 10 + LIST_ENTRY(node, Item, node)->value;
        ck_assert_int_eq(sum, 13);
        ck_assert(!list_is_linked(&items[0].node));
        list_remove(&items[1].node);
        list_remove(&items[1].node);
        list_remove(&items[3].node);
        ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(a_text_is_cut_at_the_end_of_its_place)
{
        char place[5] = "zzzz";

        text_copy(place, sizeof(place), "abcdefgh");
        ck_assert_str_eq(place, "abcd");
        text_copy(place, sizeof(place), NULL);
        ck_assert_str_eq(place, "");
        text_copy(place, 1, "abc");
        ck_assert_str_eq(place, "");
        text_format(place, sizeof(place), "%d%s", 12, "345");
        ck_assert_str_eq(place, "1234");
}
END_TEST

static TCase *base_case(void)
{
        TCase *tcase = tcase_create("base");

        tcase_add_test(tcase, a_buffer_grows_and_keeps_what_is_in_it);
        tcase_add_test(tcase, a_buffer_that_failed_once_stays_failed_and_unchanged);
        tcase_add_test(tcase, a_text_is_appended_with_its_end_and_none_is_the_empty_one);
        tcase_add_test(tcase, a_cleared_buffer_keeps_no_more_than_a_modest_size);
        tcase_add_test(tcase, a_list_keeps_its_order_and_lets_the_current_one_go);
        tcase_add_test(tcase, a_text_is_cut_at_the_end_of_its_place);
        return tcase;
}

TEST_MAIN("base", base_case())
