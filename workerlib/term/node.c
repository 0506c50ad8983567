/*
 * Names of nodes, each kept once and for ever, so that a pid is 24 bytes and comparing two is
 * comparing pointers. Readers take no lock: entries are only ever added, at the head of a chain. A
 * foreign term can add one: hence the bound.
 */
#include "workerlib/term/etf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define NODES_MAX 16384u
#define CHAINS    1024u

static gen_node *chains[CHAINS];
static unsigned node_count;
static pthread_mutex_t add_lock = PTHREAD_MUTEX_INITIALIZER;

static const gen_node *local_node;
static uint32_t local_creation;

static uint64_t name_hash(const uint8_t *text, size_t size)
{
        uint64_t hash = UINT64_C(14695981039346656037);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ text[i]) * UINT64_C(1099511628211);
        return hash ^ hash >> 32;
}

static const gen_node *chain_find(const gen_node *node, uint64_t hash, const uint8_t *text,
                                  size_t size)
{
        for (; node; node = node->next)
                if (node->hash == hash && strlen(node->name) == size &&
                    memcmp(node->name, text, size) == 0)
                        return node;
        return NULL;
}

static gen_node *node_new(uint64_t hash, const uint8_t *text, size_t size)
{
        size_t head = size <= UINT8_MAX ? 2 : 3;
        gen_node *node = malloc(sizeof(*node) + head + size + 1);

        if (!node)
                return NULL;
        *node = (gen_node){.hash = hash, .atom_size = head + size};
        if (head == 2) {
                node->atom[0] = ETF_SMALL_ATOM_UTF8;
                node->atom[1] = (uint8_t)size;
        } else {
                node->atom[0] = ETF_ATOM_UTF8;
                etf_store16(node->atom + 1, size);
        }
        memcpy(node->atom + head, text, size);
        node->atom[head + size] = 0;
        node->name = (const char *)node->atom + head;
        return node;
}

static int node_add(uint64_t hash, const uint8_t *text, size_t size, const gen_node **ret_node)
{
        gen_node **chain = &chains[hash % CHAINS];
        const gen_node *found;
        gen_node *node;
        int r = 0;

        (void)pthread_mutex_lock(&add_lock);
        found = chain_find(*chain, hash, text, size);
        if (!found && node_count >= NODES_MAX)
                r = -ENOSPC;
        if (!found && r == 0) {
                node = node_new(hash, text, size);
                if (node) {
                        node->next = *chain;
                        node_count++;
                        __atomic_store_n(chain, node, __ATOMIC_RELEASE);
                }
                found = node;
                r = node ? 0 : -ENOMEM;
        }
        (void)pthread_mutex_unlock(&add_lock);
        if (r == 0)
                *ret_node = found;
        return r;
}

static int node_of_text(const uint8_t *text, size_t size, const gen_node **ret_node)
{
        uint64_t hash = name_hash(text, size);
        const gen_node *node;
        size_t characters;

        node = chain_find(__atomic_load_n(&chains[hash % CHAINS], __ATOMIC_ACQUIRE), hash, text,
                          size);
        if (node) {
                *ret_node = node;
                return 0;
        }
        characters = etf_utf8_length(text, size);
        if (characters == 0 || characters > ETF_ATOM_CHARS_MAX || memchr(text, 0, size))
                return -EINVAL;
        return node_add(hash, text, size, ret_node);
}

int node_find(const EtfAtom *atom, const gen_node **ret_node)
{
        const gen_node *local = __atomic_load_n(&local_node, __ATOMIC_ACQUIRE);
        unfilled uint8_t buffer[GEN_ATOM_MAX];
        const uint8_t *text;
        size_t size;

        if (local && !atom->is_latin1 && strlen(local->name) == atom->size &&
            memcmp(local->name, atom->text, atom->size) == 0) {
                *ret_node = local;
                return 0;
        }
        text = etf_atom_text(atom, buffer, &size);
        return node_of_text(text, size, ret_node);
}

int gen_node_intern(const char *name, const gen_node **ret_node)
{
        size_t size = name ? strlen(name) : 0;

        if (size == 0 || size > ETF_ATOM_BYTES_MAX)
                return -EINVAL;
        return node_of_text((const uint8_t *)name, size, ret_node);
}

const char *gen_node_name(const gen_node *node)
{
        return node ? node->name : "";
}

int gen_node_set_local(const char *name, uint32_t creation)
{
        const gen_node *node;
        int r;

        r = gen_node_intern(name, &node);
        if (r < 0)
                return r;
        __atomic_store_n(&local_creation, creation, __ATOMIC_RELAXED);
        __atomic_store_n(&local_node, node, __ATOMIC_RELEASE);
        return 0;
}

const gen_node *node_local(uint32_t *ret_creation)
{
        const gen_node *node = __atomic_load_n(&local_node, __ATOMIC_ACQUIRE);

        *ret_creation = __atomic_load_n(&local_creation, __ATOMIC_RELAXED);
        return node;
}

bool node_is_local(const gen_node *node, uint32_t creation)
{
        uint32_t here;

        return node && node == node_local(&here) && creation == here;
}

bool gen_pid_equal(gen_pid a, gen_pid b)
{
        return a.node == b.node && a.actor == b.actor && a.worker == b.worker &&
               a.creation == b.creation;
}

bool gen_ref_equal(gen_ref a, gen_ref b)
{
        return a.node == b.node && a.creation == b.creation && a.count == b.count &&
               a.count <= GEN_REF_WORDS && memcmp(a.words, b.words, 4 * (size_t)a.count) == 0;
}
