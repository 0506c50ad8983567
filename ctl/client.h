#pragma once
/*
 * Requests to gend: an SP REQ socket, and all that can go wrong on the way. It carries texts and
 * does not look into them.
 *
 * A request that may be repeated is sent again by itself when gend-supervisor is restarted before
 * it answered; one that may not ends with CLIENT_E_LOST then. Nobody there at all is waited for
 * only as long as gend takes to restart its supervisor.
 *
 * Context: one thread; nothing happens but in client_end().
 */

#include "base/usec.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Client Client;
typedef struct ClientCall ClientCall;

enum {
        CLIENT_E_ABSENT = 1, /* no socket, or nobody listens on it; client_errno() says which */
        CLIENT_E_DENIED,     /* the socket may not be opened by this user */
        CLIENT_E_SILENT,     /* the deadline passed */
        CLIENT_E_LOST,       /* the connection broke after the request was sent: outcome unknown */
        CLIENT_E_BROKEN, /* it broke again and again, or what came is no message of this protocol */
};

/**
 * client_open() - prepares a connection; it is made by the first client_end()
 * @socket_path: borrowed for the client's life; need not exist
 *
 * Return: 0; -ENAMETOOLONG; -ENOMEM.
 */
int client_open(const char *socket_path, Client **ret_client);

/* client_set_patience() - how long to wait for somebody to listen; the default suits one request.
 */
void client_set_patience(Client *client, usec_t patience_usec);

/* client_errno() - after CLIENT_E_ABSENT and CLIENT_E_DENIED: why, as a positive errno. */
int client_errno(const Client *client);

/**
 * client_begin() - sends a request; several may be under way
 * @text:          copied
 * @is_repeatable: whether it may be sent again when the connection breaks
 *
 * Return: 0; -ENOMEM.
 */
int client_begin(Client *client, const char *text, size_t size, bool is_repeatable,
                 ClientCall **ret_call);

/**
 * client_end() - waits for the reply
 * @take_call:     NULL afterwards, whatever the answer
 * @deadline_usec: monotonic; USEC_INFINITY waits as long as there is a connection
 * @ret_text:      malloc'ed, with a zero after its end
 *
 * Return: 0; CLIENT_E_*; -ENOMEM.
 */
int client_end(ClientCall **take_call, usec_t deadline_usec, char **ret_text, size_t *ret_size);
