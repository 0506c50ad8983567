#pragma once
/*
 * An intrusive doubly linked ring: the head is a node that belongs to no element. A zeroed node is
 * "in no list"; list_init() makes a head.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct ListNode ListNode;

struct ListNode {
        ListNode *next;
        ListNode *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#define LIST_FOREACH(node, head) \
        for (ListNode *node = (head)->next; node != (head); node = node->next)

/* The current node may be removed, no other. */
#define LIST_FOREACH_SAFE(node, head)                                                  \
        for (ListNode *node = (head)->next, *node##_next = node->next; node != (head); \
             node = node##_next, node##_next = node->next)

static inline void list_init(ListNode *head)
{
        head->next = head->prev = head;
}

static inline bool list_is_empty(const ListNode *head)
{
        return head->next == head;
}

static inline bool list_is_linked(const ListNode *node)
{
        return node->next != NULL;
}

static inline void list_append(ListNode *head, ListNode *node)
{
        node->prev = head->prev;
        node->next = head;
        head->prev->next = node;
        head->prev = node;
}

/* Does nothing to a node that is in no list. */
static inline void list_remove(ListNode *node)
{
        if (!node->next)
                return;
        node->prev->next = node->next;
        node->next->prev = node->prev;
        node->next = node->prev = NULL;
}
