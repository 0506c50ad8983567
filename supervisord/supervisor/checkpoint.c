/*
 * Writing and reading the log. Its format is of this build alone: a gend-supervisor that is
 * replaced by one of another version finds another magic and starts from the kernel's rows and the
 * tree file.
 */

#include "supervisord/supervisor/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKPOINT_MAGIC UINT64_C(0x31746e6f70636867)
#define GROW_BYTES       (1024u * 1024)

typedef enum EntryType {
        ENTRY_NONE = 0,
        ENTRY_TREE,   /* folder, text */
        ENTRY_GLOBAL, /* GlobalEntry */
        ENTRY_NODE,   /* NodeEntry, name, source, args */
        ENTRY_LIFE,   /* LifeEntry */
        ENTRY_DROP,   /* id */
        ENTRY_BUDGET, /* BudgetEntry */
        ENTRY_EVENT,  /* Event without pointers, path, reason, detail */
} EntryType;

typedef struct LogHead {
        uint64_t magic;
        uint64_t life_bytes;
} LogHead;

typedef struct BatchHead {
        uint64_t checksum; /* of number, bytes and what follows */
        uint64_t number;
        uint64_t bytes;
} BatchHead;

typedef struct EntryHead {
        uint32_t type;
        uint32_t bytes;
} EntryHead;

typedef struct GlobalEntry {
        uint64_t generation;
        uint64_t reloads_done;
        uint64_t last_seq;
} GlobalEntry;

typedef struct NodeEntry {
        uint32_t id;
        uint32_t parent_id;
        uint32_t has_source;
        uint32_t arg_count;
} NodeEntry;

typedef struct LifeEntry {
        uint32_t id;
        uint32_t reserved;
        Life life;
} LifeEntry;

typedef struct BudgetEntry {
        uint32_t id;
        uint32_t reserved;
        uint64_t generation; /* of the supervisor: a later start begins with an empty budget */
        usec_t when;
} BudgetEntry;

static uint64_t checksum(const BatchHead *head, const unsigned char *data, size_t size)
{
        uint64_t hash = UINT64_C(14695981039346656037) ^ head->number ^ (head->bytes << 20);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ data[i]) * UINT64_C(1099511628211);
        return hash;
}

/* --- writing ------------------------------------------------------------------------------- */

/* Entries begin at multiples of eight bytes. */
static size_t padding(size_t size)
{
        return (8 - size % 8) % 8;
}

static void append_entry(Buffer *buffer, EntryType type, const void *data, size_t size)
{
        static const unsigned char zeros[8];
        const EntryHead head = {.type = type, .bytes = (uint32_t)size};

        buffer_append(buffer, &head, sizeof(head));
        buffer_append(buffer, data, size);
        buffer_append(buffer, zeros, padding(size));
}

static void append_parts(Buffer *buffer, EntryType type, Buffer *parts)
{
        append_entry(buffer, type, parts->data, parts->size);
        buffer->has_failed |= parts->has_failed;
        buffer_deinit(parts);
}

/* The object as written. What an application requires may have gone from the file with it, and
 * means nothing to one that only lives on to be stopped. */
static char *dump_source(const Node *node)
{
        json_auto_t *source = json_copy(node->spec->source);

        if (node->kind == NODE_APPLICATION)
                (void)json_object_del(source, "requires");
        return json_dumps(source, JSON_COMPACT);
}

static void append_node(Buffer *buffer, const Node *node)
{
        const uint32_t not_of_file = LIFE_IS_DYNAMIC | LIFE_IS_OF_DYNAMIC | LIFE_DELETE_AFTER;
        bool has_source = (node->life.flags & not_of_file) && !node->args;
        NodeEntry entry = {
                .id = node->id,
                .parent_id = node->parent->id,
                .has_source = has_source,
        };
        Buffer parts = BUFFER_NULL;
        char *source = NULL;

        for (size_t i = 0; node->args && node->args[i]; i++)
                entry.arg_count++;
        if (node->args)
                entry.has_source = 2;
        if (has_source)
                source = dump_source(node);
        buffer_append(&parts, &entry, sizeof(entry));
        buffer_append_text(&parts, node->spec->name);
        buffer_append_text(&parts, source);
        for (size_t i = 0; i < entry.arg_count; i++)
                buffer_append_text(&parts, node->args[i]);
        parts.has_failed |= has_source && !source;
        free(source);
        append_parts(buffer, ENTRY_NODE, &parts);
}

static void append_life(Buffer *buffer, const Node *node)
{
        const LifeEntry entry = {.id = node->id, .life = node->life};

        append_entry(buffer, ENTRY_LIFE, &entry, sizeof(entry));
}

static void append_event(Buffer *buffer, const Event *event)
{
        Event plain = *event;
        Buffer parts = BUFFER_NULL;

        plain.path = plain.reason = plain.detail = NULL;
        buffer_append(&parts, &plain, sizeof(plain));
        buffer_append_text(&parts, event->path);
        buffer_append_text(&parts, event->reason);
        buffer_append_text(&parts, event->detail);
        append_parts(buffer, ENTRY_EVENT, &parts);
}

static void append_budget(Buffer *buffer, const Node *node, usec_t when)
{
        const BudgetEntry entry = {
                .id = node->id,
                .generation = node->life.generation,
                .when = when,
        };

        append_entry(buffer, ENTRY_BUDGET, &entry, sizeof(entry));
}

void checkpoint_note_node(Checkpoint *checkpoint, const Node *node)
{
        append_node(&checkpoint->pending, node);
}

void checkpoint_note_drop(Checkpoint *checkpoint, uint32_t id)
{
        append_entry(&checkpoint->pending, ENTRY_DROP, &id, sizeof(id));
}

void checkpoint_note_event(Checkpoint *checkpoint, const Event *event)
{
        append_event(&checkpoint->pending, event);
}

void checkpoint_note_budget(Checkpoint *checkpoint, const Node *node, usec_t when)
{
        append_budget(&checkpoint->pending, node, when);
}

static int write_all(int fd, const void *data, size_t size, uint64_t at)
{
        const unsigned char *next = data;

        while (size > 0) {
                ssize_t n = pwrite(fd, next, size, (off_t)at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                next += n;
                at += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}

/* One batch at @at. The head goes first in the buffer, so that a batch is one write. */
static int write_batch(int fd, uint64_t at, uint64_t number, Buffer *batch)
{
        BatchHead head = {.number = number, .bytes = batch->size - sizeof(head)};

        if (batch->has_failed)
                return -ENOMEM;
        head.checksum = checksum(&head, batch->data + sizeof(head), batch->size - sizeof(head));
        memcpy(batch->data, &head, sizeof(head));
        return write_all(fd, batch->data, batch->size, at);
}

static void append_global(Buffer *buffer, const Checkpoint *checkpoint, const Tree *tree,
                          uint64_t last_seq)
{
        const GlobalEntry entry = {
                .generation = tree->generation,
                .reloads_done = checkpoint->reloads_done,
                .last_seq = last_seq,
        };

        append_entry(buffer, ENTRY_GLOBAL, &entry, sizeof(entry));
}

static void all_is_written(Checkpoint *checkpoint, Tree *tree)
{
        buffer_clear(&checkpoint->pending);
        while (!list_is_empty(&tree->dirty)) {
                Node *node = LIST_ENTRY(tree->dirty.next, Node, dirty);

                list_remove(&node->dirty);
                node->is_dirty = false;
        }
}

int checkpoint_commit(Checkpoint *checkpoint, Tree *tree)
{
        static const BatchHead no_head;
        Buffer batch = BUFFER_NULL;
        int r;

        if (list_is_empty(&tree->dirty) && checkpoint->pending.size == 0)
                return 0;
        buffer_append(&batch, &no_head, sizeof(no_head));
        append_global(&batch, checkpoint, tree, 0);
        buffer_append(&batch, checkpoint->pending.data, checkpoint->pending.size);
        batch.has_failed |= checkpoint->pending.has_failed;
        LIST_FOREACH (item, &tree->dirty)
                append_life(&batch, LIST_ENTRY(item, Node, dirty));
        r = write_batch(checkpoint->fd, checkpoint->size, checkpoint->number + 1, &batch);
        if (r == 0) {
                checkpoint->number++;
                checkpoint->size += batch.size;
                all_is_written(checkpoint, tree);
        }
        buffer_deinit(&batch);
        return r;
}

bool checkpoint_is_long(const Checkpoint *checkpoint)
{
        return checkpoint->size > 2 * checkpoint->snapshot_size + GROW_BYTES;
}

static void append_snapshot(Buffer *batch, const Checkpoint *checkpoint, Tree *tree,
                            const EventLog *events)
{
        Buffer parts = BUFFER_NULL;

        append_global(batch, checkpoint, tree, events->last_seq);
        buffer_append_text(&parts, checkpoint->folder);
        buffer_append(&parts, checkpoint->text, checkpoint->text_size);
        append_parts(batch, ENTRY_TREE, &parts);
        append_life(batch, tree->root);
        for (Node *node = tree_next(tree, NULL); node; node = tree_next(tree, node)) {
                const Intensity *budget = &node->budget;
                uint32_t room = budget->limit + 1;

                append_node(batch, node);
                append_life(batch, node);
                for (uint32_t i = 0; budget->times && i < budget->count; i++)
                        append_budget(
                                batch, node,
                                budget->times[(budget->next + room - budget->count + i) % room]);
        }
        for (uint64_t seq = event_log_first(events); seq && seq <= events->last_seq; seq++)
                if (event_log_get(events, seq))
                        append_event(batch, event_log_get(events, seq));
}

int checkpoint_snapshot(Checkpoint *checkpoint, Tree *tree, const EventLog *events, int *ret_fd)
{
        static const BatchHead no_head;
        const LogHead log_head = {.magic = CHECKPOINT_MAGIC, .life_bytes = sizeof(Life)};
        _cleanup_(closep) int fd = memfd_create("gend-checkpoint", MFD_CLOEXEC);
        Buffer batch = BUFFER_NULL;
        int r;

        if (fd < 0)
                return -errno;
        buffer_append(&batch, &no_head, sizeof(no_head));
        append_snapshot(&batch, checkpoint, tree, events);
        r = write_all(fd, &log_head, sizeof(log_head), 0);
        if (r == 0)
                r = write_batch(fd, sizeof(log_head), 1, &batch);
        if (r == 0) {
                (void)close_fd(checkpoint->fd);
                checkpoint->fd = steal_fd(&fd);
                checkpoint->number = 1;
                checkpoint->size = checkpoint->snapshot_size = sizeof(log_head) + batch.size;
                all_is_written(checkpoint, tree);
                *ret_fd = checkpoint->fd;
        }
        buffer_deinit(&batch);
        return r;
}

int checkpoint_set_text(Checkpoint *checkpoint, const char *text, size_t size, const char *folder)
{
        _cleanup_(freep) char *copy = malloc(size + 1);
        _cleanup_(freep) char *where = strdup(folder);

        if (!copy || !where)
                return -ENOMEM;
        memcpy(copy, text, size);
        copy[size] = '\0';
        free(checkpoint->text);
        free(checkpoint->folder);
        checkpoint->text = steal_ptr(copy);
        checkpoint->text_size = size;
        checkpoint->folder = steal_ptr(where);
        return 0;
}

void checkpoint_deinit(Checkpoint *checkpoint)
{
        (void)close_fd(checkpoint->fd);
        buffer_deinit(&checkpoint->pending);
        free(checkpoint->text);
        free(checkpoint->folder);
        *checkpoint = CHECKPOINT_NULL;
}

/* --- reading ------------------------------------------------------------------------------- */

/* A node as the log has it: the latest of each entry, in order of first appearance. */
typedef struct NodeImage {
        const NodeEntry *entry; /* NULL: no such node */
        const char *name, *source, *args;
        const Life *life;
        uint32_t next_sibling; /* ids; 0: none */
        uint32_t first_child, last_child;
} NodeImage;

typedef struct Image {
        const unsigned char *data;
        size_t size;
        NodeImage nodes[LIMIT_SLOTS];
        const char *folder, *text;
        size_t text_size;
        GlobalEntry global;
        EventLog *events;
        Buffer budgets; /* BudgetEntry */
} Image;

/* The next text of an entry; NULL when it is not terminated in there. */
static const char *take_text(const unsigned char **at, const unsigned char *end)
{
        const unsigned char *start = *at;
        const unsigned char *zero = memchr(start, '\0', (size_t)(end - start));

        if (!zero)
                return NULL;
        *at = zero + 1;
        return (const char *)start;
}

static bool read_node(Image *image, const unsigned char *at, const unsigned char *end)
{
        const NodeEntry *entry = (const void *)at;
        NodeImage node = {.entry = entry};
        NodeImage *parent;

        if ((size_t)(end - at) < sizeof(*entry) || entry->id >= LIMIT_SLOTS ||
            entry->parent_id >= LIMIT_SLOTS || entry->id == 0)
                return false;
        if (entry->parent_id != 0 && !image->nodes[entry->parent_id].entry)
                return false;
        at += sizeof(*entry);
        node.name = take_text(&at, end);
        node.source = node.name ? take_text(&at, end) : NULL;
        node.args = (const char *)at;
        for (uint32_t i = 0; i < entry->arg_count; i++)
                if (!take_text(&at, end))
                        return false;
        if (!node.source)
                return false;
        if (image->nodes[entry->id].entry) { /* written again: with its source now */
                if (image->nodes[entry->id].entry->parent_id != entry->parent_id)
                        return false;
                node.next_sibling = image->nodes[entry->id].next_sibling;
                node.first_child = image->nodes[entry->id].first_child;
                node.last_child = image->nodes[entry->id].last_child;
                node.life = image->nodes[entry->id].life;
                image->nodes[entry->id] = node;
                return true;
        }
        image->nodes[entry->id] = node;
        parent = &image->nodes[entry->parent_id];
        if (parent->last_child)
                image->nodes[parent->last_child].next_sibling = entry->id;
        else
                parent->first_child = entry->id;
        parent->last_child = entry->id;
        return true;
}

static bool read_drop(Image *image, uint32_t id)
{
        NodeImage *parent, *node;
        uint32_t before = 0;

        if (id == 0 || id >= LIMIT_SLOTS || !image->nodes[id].entry ||
            image->nodes[id].first_child != 0)
                return false;
        node = &image->nodes[id];
        parent = &image->nodes[node->entry->parent_id];
        for (uint32_t i = parent->first_child; i != id && i != 0; i = image->nodes[i].next_sibling)
                before = i;
        if (before)
                image->nodes[before].next_sibling = node->next_sibling;
        else
                parent->first_child = node->next_sibling;
        if (parent->last_child == id)
                parent->last_child = before;
        *node = (NodeImage){0};
        return true;
}

static bool read_event(Image *image, const unsigned char *at, const unsigned char *end)
{
        Event event;

        if ((size_t)(end - at) < sizeof(event))
                return false;
        memcpy(&event, at, sizeof(event));
        at += sizeof(event);
        event.path = (char *)(uintptr_t)take_text(&at, end);
        event.reason = event.path ? (char *)(uintptr_t)take_text(&at, end) : NULL;
        event.detail = event.reason ? (char *)(uintptr_t)take_text(&at, end) : NULL;
        if (!event.detail)
                return false;
        if (!event.reason[0])
                event.reason = NULL;
        (void)event_log_add(image->events, &event);
        return true;
}

/* What the tables of life.c and supervise.c are indexed with, and what is printed. */
static bool is_sane(const Life *life)
{
        return life->state > LIFE_NONE && life->state < LIFE_STATE_COUNT &&
               life->phase < PHASE_COUNT && life->mark <= MARK_START &&
               life->exit_class < EXIT_CLASS_COUNT &&
               memchr(life->reason, '\0', sizeof(life->reason)) &&
               memchr(life->why, '\0', sizeof(life->why));
}

static bool read_life(Image *image, const unsigned char *at, size_t size)
{
        const LifeEntry *entry = (const void *)at;

        if (size != sizeof(*entry) || entry->id >= LIMIT_SLOTS || !is_sane(&entry->life))
                return false;
        image->nodes[entry->id].life = &entry->life;
        return true;
}

static bool read_entry(Image *image, const EntryHead *head, const unsigned char *at)
{
        const unsigned char *end = at + head->bytes;
        uint32_t id;

        switch ((EntryType)head->type) {
        case ENTRY_TREE:
                image->folder = take_text(&at, end);
                image->text = (const char *)at;
                image->text_size = (size_t)(end - at);
                return image->folder != NULL;
        case ENTRY_GLOBAL:
                if (head->bytes != sizeof(image->global))
                        return false;
                memcpy(&image->global, at, sizeof(image->global));
                return true;
        case ENTRY_NODE:
                return read_node(image, at, end);
        case ENTRY_LIFE:
                return read_life(image, at, head->bytes);
        case ENTRY_DROP:
                if (head->bytes != sizeof(id))
                        return false;
                memcpy(&id, at, sizeof(id));
                return read_drop(image, id);
        case ENTRY_BUDGET:
                buffer_append(&image->budgets, at, head->bytes);
                return head->bytes == sizeof(BudgetEntry);
        case ENTRY_EVENT:
                return read_event(image, at, end);
        case ENTRY_NONE:
                return false;
        }
        return false;
}

static int read_batch(Image *image, const unsigned char *at, size_t size)
{
        const unsigned char *end = at + size;

        while (at < end) {
                EntryHead head;

                if ((size_t)(end - at) < sizeof(head))
                        return -EPROTO;
                memcpy(&head, at, sizeof(head));
                at += sizeof(head);
                if (head.bytes > (size_t)(end - at) || !read_entry(image, &head, at))
                        return -EPROTO;
                at += MIN_OF(head.bytes + padding(head.bytes), (size_t)(end - at));
        }
        return 0;
}

/* All batches up to the first that is torn. */
static int read_log(Checkpoint *checkpoint, Image *image)
{
        LogHead log_head;
        size_t at = sizeof(log_head);

        if (image->size < sizeof(log_head))
                return CHECKPOINT_E_EMPTY;
        memcpy(&log_head, image->data, sizeof(log_head));
        if (log_head.magic != CHECKPOINT_MAGIC || log_head.life_bytes != sizeof(Life))
                return -EPROTO;
        while (image->size - at >= sizeof(BatchHead)) {
                BatchHead head;
                int r;

                memcpy(&head, image->data + at, sizeof(head));
                at += sizeof(head);
                if (head.number != checkpoint->number + 1 || head.bytes > image->size - at ||
                    head.bytes % 8 != 0 ||
                    head.checksum != checksum(&head, image->data + at, head.bytes)) {
                        at -= sizeof(head);
                        break;
                }
                r = read_batch(image, image->data + at, head.bytes);
                if (r < 0)
                        return r;
                at += head.bytes;
                checkpoint->number = head.number;
                if (checkpoint->number == 1)
                        checkpoint->snapshot_size = at;
        }
        checkpoint->size = at;
        return checkpoint->number == 0 ? CHECKPOINT_E_EMPTY : 0;
}

static int copy_args(const NodeImage *image, char ***ret_args)
{
        char **args = calloc((size_t)image->entry->arg_count + 1, sizeof(char *));
        const char *next = image->args;

        if (!args)
                return -ENOMEM;
        for (uint32_t i = 0; i < image->entry->arg_count; i++) {
                args[i] = strdup(next);
                if (!args[i]) {
                        while (i > 0)
                                free(args[--i]);
                        free((void *)args);
                        return -ENOMEM;
                }
                next += strlen(next) + 1;
        }
        *ret_args = args;
        return 0;
}

/* An application that the tree file has no more. */
static int parse_application(const char *folder, const NodeImage *image, NodeSpec **ret_spec)
{
        _cleanup_(tree_spec_freep) TreeSpec *tree = NULL;
        _cleanup_(freep) char *text = NULL;
        SpecFaults faults = {0};
        int r;

        if (asprintf(&text, "{\"applications\":[%s]}", image->source) < 0)
                return -ENOMEM;
        r = spec_parse_accepted(text, strlen(text), folder, &tree, &faults);
        spec_faults_deinit(&faults);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        if (tree->application_count != 1 || strcmp(tree->applications[0]->name, image->name) != 0)
                return -EINVAL;
        *ret_spec = steal_ptr(tree->applications[0]);
        return 0;
}

static int parse_source(const char *folder, const Node *parent, const NodeImage *image,
                        NodeSpec **ret_spec)
{
        SpecFaults faults = {0};
        _cleanup_(node_specs_deinit) NodeSpecs nodes = {0};
        int r;

        if (!parent->spec)
                return parse_application(folder, image, ret_spec);
        r = spec_parse_accepted_child(image->source, strlen(image->source), folder, parent->spec,
                                      &nodes, &faults);
        spec_faults_deinit(&faults);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        for (size_t i = 0; i < nodes.count; i++) /* of several instances, the one of this name */
                if (!*ret_spec && strcmp(nodes.items[i]->name, image->name) == 0)
                        *ret_spec = steal_ptr(nodes.items[i]);
        return *ret_spec ? 0 : -EINVAL;
}

/* The children of a specification that was taken apart, to be found by name. */
typedef struct SpecList {
        NodeSpec **items;
        size_t count;
        size_t hint; /* names are mostly asked for in order */
} SpecList;

static NodeSpec *take_by_name(SpecList *list, const char *name)
{
        for (size_t i = 0; i < list->count; i++) {
                size_t at = (list->hint + i) % list->count;

                if (!list->items[at] || strcmp(list->items[at]->name, name) != 0)
                        continue;
                list->hint = at + 1;
                return steal_ptr(list->items[at]);
        }
        return NULL;
}

static int find_spec(const Image *image, const Node *parent, const NodeImage *child, SpecList *list,
                     NodeSpec **ret_spec)
{
        char **args = NULL;
        int r;

        if (child->entry->has_source == 1)
                return parse_source(image->folder, parent, child, ret_spec);
        if (child->entry->has_source == 0) {
                *ret_spec = take_by_name(list, child->name);
                return *ret_spec ? 0 : -EINVAL;
        }
        if (!parent->template_spec)
                return -EINVAL;
        r = copy_args(child, &args);
        if (r < 0)
                return r;
        r = node_spec_instance(parent->template_spec, child->name, args, ret_spec);
        for (size_t i = 0; args[i]; i++)
                free(args[i]);
        free((void *)args);
        return r;
}

static unsigned node_depth(const Node *node)
{
        unsigned depth = 0;

        while ((node = node->parent))
                depth++;
        return depth;
}

static int restore_children(const Image *image, Tree *tree, Node *parent, SpecList *list);

static int restore_child(const Image *image, Tree *tree, Node *parent, const NodeImage *child,
                         SpecList *list)
{
        _cleanup_(node_spec_freep) NodeSpec *spec = NULL;
        SpecList below = {0};
        Node *node;
        int r;

        if (!node_is_supervisor(parent) || node_depth(parent) > LIMIT_TREE_DEPTH)
                return -EPROTO;
        r = find_spec(image, parent, child, list, &spec);
        if (r == -EINVAL)
                return 0; /* it goes, with all below it: the kernel's rows of it will be strays */
        if (r < 0)
                return r;
        if (spec->supervisor.strategy != STRATEGY_SIMPLE_ONE_FOR_ONE) {
                below = (SpecList){.items = spec->children, .count = spec->child_count};
                spec->children = NULL;
                spec->child_count = 0;
        }
        r = tree_add(tree, parent, &spec, child->entry->id, &node);
        if (r == 0 && child->entry->has_source == 2)
                r = copy_args(child, &node->args);
        if (r == 0 && child->life)
                memcpy(&node->life, child->life, sizeof(Life));
        if (r == 0)
                r = restore_children(image, tree, node, &below);
        for (size_t i = 0; i < below.count; i++)
                node_spec_free(below.items[i]);
        free((void *)below.items);
        return r;
}

static int restore_children(const Image *image, Tree *tree, Node *parent, SpecList *list)
{
        for (uint32_t id = image->nodes[parent->id].first_child; id != 0;
             id = image->nodes[id].next_sibling) {
                int r = restore_child(image, tree, parent, &image->nodes[id], list);

                if (r < 0)
                        return r;
        }
        return 0;
}

static void restore_budgets(const Image *image, Tree *tree)
{
        size_t count = image->budgets.size / sizeof(BudgetEntry);

        for (size_t i = 0; i < count; i++) {
                BudgetEntry entry;
                Node *node;

                memcpy(&entry, image->budgets.data + i * sizeof(entry), sizeof(entry));
                node = entry.id < LIMIT_SLOTS ? tree->nodes[entry.id] : NULL;
                if (node && node->budget.times && node->life.generation == entry.generation)
                        (void)intensity_spend(&node->budget, entry.when);
        }
}

static int restore_tree(const Image *image, Tree **ret_tree)
{
        _cleanup_(tree_spec_freep) TreeSpec *spec = NULL;
        _cleanup_(tree_freep) Tree *tree = tree_new();
        SpecFaults faults = {0};
        SpecList applications;
        int r;

        if (!tree)
                return -ENOMEM;
        if (!image->text)
                return -EPROTO;
        r = spec_parse_accepted(image->text, image->text_size, image->folder, &spec, &faults);
        spec_faults_deinit(&faults);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        tree_take_top(tree, spec);
        applications = (SpecList){.items = spec->applications, .count = spec->application_count};
        if (image->nodes[0].life)
                memcpy(&tree->root->life, image->nodes[0].life, sizeof(Life));
        r = restore_children(image, tree, tree->root, &applications);
        if (r < 0)
                return r;
        restore_budgets(image, tree);
        tree->generation = image->global.generation;
        *ret_tree = steal_ptr(tree);
        return 0;
}

static int read_image(Checkpoint *checkpoint, Image *image, Tree **ret_tree)
{
        int r = read_log(checkpoint, image);

        if (r != 0)
                return r;
        if (!image->folder)
                return -EPROTO;
        r = checkpoint_set_text(checkpoint, image->text, image->text_size, image->folder);
        if (r < 0)
                return r;
        checkpoint->reloads_done = image->global.reloads_done;
        return restore_tree(image, ret_tree);
}

int checkpoint_load(Checkpoint *checkpoint, int *take_fd, Tree **ret_tree, EventLog *events)
{
        _cleanup_(freep) Image *image = calloc(1, sizeof(*image));
        void *map = MAP_FAILED;
        struct stat st;
        int r;

        *checkpoint = CHECKPOINT_NULL;
        checkpoint->fd = steal_fd(take_fd);
        if (!image)
                return -ENOMEM;
        if (fstat(checkpoint->fd, &st) < 0)
                return -errno;
        if (st.st_size == 0)
                return CHECKPOINT_E_EMPTY;
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, checkpoint->fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        image->data = map;
        image->size = (size_t)st.st_size;
        image->events = events;
        r = read_image(checkpoint, image, ret_tree);
        buffer_deinit(&image->budgets);
        (void)munmap(map, (size_t)st.st_size);
        return r;
}
