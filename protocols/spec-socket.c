/*
 * Owns the listening addresses of the tree file: their forms, and that no two children ask for one
 * address. Binds nothing; names of hosts are not looked up, for a tree must not depend on a
 * resolver.
 */

#include "protocols/spec-private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST_BYTES 64u

static_assert(sizeof(((SpawnSocket *)NULL)->address) >= sizeof(struct sockaddr_un), "room");

/* 1 to 65535 in digits; 0 for anything else. */
static unsigned port_of(const char *text)
{
        unsigned port = 0;

        if (!*text)
                return 0;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return 0;
                port = port * 10 + (unsigned)(*text - '0');
                if (port > UINT16_MAX)
                        return 0;
        }
        return port;
}

/* @path: absolute, or "@name" for an abstract one. Return: false if it is too long or empty. */
static bool set_unix(SpawnSocket *socket, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t size = strlen(path);

        if (size < 2 || size >= sizeof(address.sun_path))
                return false;
        memcpy(address.sun_path, path, size);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        else
                size++; /* the zero at the end belongs to a path */
        memcpy(socket->address, &address, sizeof(address));
        socket->address_len = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + size);
        return true;
}

static bool set_ipv4(SpawnSocket *socket, const char *host, unsigned port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

        if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
                return false;
        memcpy(socket->address, &address, sizeof(address));
        socket->address_len = sizeof(address);
        return true;
}

static bool set_ipv6(SpawnSocket *socket, const char *host, unsigned port)
{
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

        if (inet_pton(AF_INET6, host, &address.sin6_addr) != 1)
                return false;
        memcpy(socket->address, &address, sizeof(address));
        socket->address_len = sizeof(address);
        return true;
}

/* IPv6's "any" takes IPv4 callers too; without IPv6 in the kernel there is IPv4's. */
static bool set_any(SpawnSocket *socket, unsigned port)
{
        if (access("/proc/net/if_inet6", F_OK) == 0)
                return set_ipv6(socket, "::", port);
        return set_ipv4(socket, "0.0.0.0", port);
}

/* "HOST:PORT", "[V6]:PORT", "*:PORT", "PORT" */
static bool set_inet(SpawnSocket *socket, const char *text)
{
        const char *colon = strrchr(text, ':');
        unsigned port = port_of(colon ? colon + 1 : text);
        char host[HOST_BYTES];
        size_t size;

        if (port == 0)
                return false;
        if (!colon)
                return set_any(socket, port);
        size = (size_t)(colon - text);
        if (size == 0 || size >= sizeof(host))
                return false;
        memcpy(host, text, size);
        host[size] = '\0';
        if (strcmp(host, "*") == 0)
                return set_any(socket, port);
        if (host[0] == '[' && host[size - 1] == ']') {
                host[size - 1] = '\0';
                return set_ipv6(socket, host + 1, port);
        }
        return set_ipv4(socket, host, port);
}

typedef struct SocketParts {
        const char *name;
        const char *listen;
        unsigned type;
} SocketParts;

static void row_name(SpecReader *reader, json_t *value, void *field)
{
        SocketParts *parts = field;
        const char *name, *fault;

        if (!spec_read_string(reader, value, "a name", &name))
                return;
        fault = spec_name_fault(name);
        if (!fault && strchr(name, ':'))
                fault = "a socket's name has no \":\", which separates the names in LISTEN_FDNAMES";
        if (fault)
                spec_fault(reader, "%s", fault);
        else
                parts->name = name;
}

static void row_listen(SpecReader *reader, json_t *value, void *field)
{
        SocketParts *parts = field;

        (void)spec_read_string(reader, value, "an address like \"127.0.0.1:8080\"", &parts->listen);
}

static void row_type(SpecReader *reader, json_t *value, void *field)
{
        static const char *const words[] = {NULL, "stream", "datagram", "seqpacket"};
        static const unsigned types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
        SocketParts *parts = field;

        parts->type = types[spec_read_word(reader, value, words, ARRAY_LEN(words))];
}

// clang-format off
static const SpecKey socket_keys[] = {
        { "name",   PLACE_PART, row_name,   0 },
        { "listen", PLACE_PART, row_listen, 0 },
        { "type",   PLACE_PART, row_type,   0 },
        { .name = NULL },
};
// clang-format on

/* Remembers who listens where; a second one is a fault. */
static void claim_address(SpecReader *reader, const SpawnSocket *socket)
{
        SpecListener *grown;

        for (size_t i = 0; i < reader->listener_count; i++) {
                const SpecListener *other = &reader->listeners[i];

                if (other->socket.socktype == socket->socktype &&
                    other->socket.address_len == socket->address_len &&
                    memcmp(other->socket.address, socket->address, socket->address_len) == 0) {
                        spec_fault_at_key(
                                reader, "listen",
                                "this address is taken by %.300s: expected one of its own",
                                other->owner);
                        return;
                }
        }
        if (reader->listener_count == LIMIT_LISTENERS) {
                spec_fault(reader, "too many sockets: expected at most %u in the tree",
                           LIMIT_LISTENERS);
                return;
        }
        grown = reallocarray(reader->listeners, reader->listener_count + 1, sizeof(grown[0]));
        if (!grown) {
                reader->is_out_of_memory = true;
                return;
        }
        reader->listeners = grown;
        grown[reader->listener_count++] = (SpecListener){
                .socket = *socket,
                .owner = spec_strdup(reader, reader->path.text),
        };
}

static bool read_address(SpecReader *reader, const SocketParts *parts, SpawnSocket *socket)
{
        bool is_unix = parts->listen[0] == '/' || parts->listen[0] == '@';

        if (!(is_unix ? set_unix(socket, parts->listen) : set_inet(socket, parts->listen))) {
                spec_fault_at_key(
                        reader, "listen",
                        "\"%.120s\" is no address: expected \"127.0.0.1:8080\", \"[::1]:8080\", "
                        "\"*:8080\" or \"8080\" (any address), \"/path\" or \"@name\" (a Unix "
                        "socket, at most 107 bytes); hosts as numbers, ports from 1 to 65535",
                        parts->listen);
                return false;
        }
        if (!is_unix && parts->type == SOCK_SEQPACKET) {
                spec_fault_at_key(reader, "type", "\"seqpacket\" is for Unix sockets only");
                return false;
        }
        return true;
}

static void read_socket(SpecReader *reader, json_t *object, ProcessSpec *process)
{
        SocketParts parts = {.type = SOCK_STREAM};
        SpawnSocket socket = {.name = NULL};

        if (!json_is_object(object)) {
                spec_expected(
                        reader, object,
                        "an object like { \"name\": \"http\", \"listen\": \"127.0.0.1:8080\" }");
                return;
        }
        spec_read_object(reader, object, socket_keys, PLACE_PART, &parts);
        if (!json_object_get(object, "name"))
                spec_fault(reader,
                           "\"name\" is missing: expected the socket's name in LISTEN_FDNAMES");
        if (!json_object_get(object, "listen"))
                spec_fault(reader,
                           "\"listen\" is missing: expected an address like \"127.0.0.1:8080\"");
        if (!parts.name || !parts.listen || parts.type == 0)
                return;
        socket.socktype = parts.type;
        if (!read_address(reader, &parts, &socket))
                return;
        claim_address(reader, &socket);
        socket.name = spec_strdup(reader, parts.name);
        if (socket.name)
                process->sockets[process->socket_count++] = socket;
}

void spec_row_sockets(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;
        size_t index;
        json_t *object;

        if (!json_is_array(value)) {
                spec_expected(
                        reader, value,
                        "a list like [{ \"name\": \"http\", \"listen\": \"127.0.0.1:8080\" }]");
                return;
        }
        if (json_array_size(value) > LIMIT_SOCKETS) {
                spec_fault(reader, "%zu sockets: expected at most %u", json_array_size(value),
                           LIMIT_SOCKETS);
                return;
        }
        if (json_array_size(value) == 0)
                return;
        process->sockets = spec_calloc(reader, json_array_size(value), sizeof(process->sockets[0]));
        if (!process->sockets)
                return;
        json_array_foreach(value, index, object)
        {
                size_t mark = spec_path_enter_index(&reader->path, index);

                read_socket(reader, object, process);
                spec_path_leave(&reader->path, mark);
        }
}
