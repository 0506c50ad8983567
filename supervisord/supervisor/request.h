#pragma once
/*
 * JSON-RPC: checks a request's form and its caller, finds its verb, and keeps it as long as its
 * answer has to wait. What a verb does is in verbs.c; when a waiting one is done is decided here,
 * once a turn.
 */

#include "supervisord/supervisor/daemon.h"

#include <jansson.h>

/* JSON-RPC codes (docs/rpc.md). */
typedef enum RequestCode {
        REQUEST_PARSE_ERROR = -32700,
        REQUEST_INVALID = -32600,
        REQUEST_NO_METHOD = -32601,
        REQUEST_BAD_PARAMS = -32602,
        REQUEST_FAILED = -32001,
        REQUEST_FORBIDDEN_STATE = -32002,
        REQUEST_NOT_FOUND = -32004,
        REQUEST_REFUSED = -32005,
        REQUEST_TIMED_OUT = -32006,
        REQUEST_TOO_MANY = -32007,
} RequestCode;

/* What a waiting request waits for. */
typedef enum WaitKind {
        WAIT_NONE = 0,
        WAIT_START, /* its nodes to have become ready */
        WAIT_STOP,  /* its nodes to be gone */
        WAIT_EVENTS,
        WAIT_LOGS,
        WAIT_RELOAD, /* nothing of the tree to be in motion */
} WaitKind;

typedef enum ReplyForm {
        REPLY_RESULTS = 0, /* {"results": [...]} */
        REPLY_APP,
        REPLY_PATHS,
        REPLY_PATH_PID,
        REPLY_READY_MADE, /* Request.result */
} ReplyForm;

typedef struct RequestNode {
        Node *node;               /* NULL: gone */
        uint64_t base_generation; /* an older start does not count */
        char path[LIMIT_PATH_BYTES + 1];
        char why[352]; /* of one that is gone, or was refused at once */
        bool is_done;
        bool has_failed;
} RequestNode;

typedef struct Request {
        ListNode item;
        Daemon *daemon;
        RpcCall *call;
        json_t *id;     /* NULL: a notification, which gets no answer */
        json_t *params; /* borrowed from root */
        json_t *root;
        WaitKind wait;
        ReplyForm form;
        usec_t deadline; /* USEC_INFINITY: none */
        RequestNode *nodes;
        size_t node_count;
        uint64_t position; /* events, logs: from here on */
        uint64_t limit;
        json_t *result;
} Request;

/* request_take() - handles a call; takes it. */
void request_take(Daemon *daemon, RpcCall **take_call);

/* request_check_waiting() - answers those that are done. Once a turn. */
void request_check_waiting(Daemon *daemon);

/* request_node_gone() - the node is about to be removed. */
void request_node_gone(Daemon *daemon, const Node *node);

/* request_connection_gone() - nobody waits for these any more. */
void request_connection_gone(Daemon *daemon, uint32_t connection);

/* request_followers() - how many wait for output. */
size_t request_followers(const Daemon *daemon);

/* request_add_node() - one more to wait for. Return: 0; -E2BIG; -ENOMEM. */
int request_add_node(Request *request, Node *node);

void request_free(Request *request);
DEFINE_CLEANUP(Request *, request_free);

/* For verbs: the answer, or the fault with its text and, for people, what to do (may be NULL). */
void request_reply(Request *request, json_t *take_result);
void request_fail(Request *request, RequestCode code, json_t *take_data, const char *format, ...)
        _printf_(4, 5);

/* A verb's function answers, or sets request->wait; then the request is kept. */
typedef void (*VerbFn)(Request *request);

typedef struct Verb {
        const char *name;
        const char *params; /* allowed keys and their types: "path:s wait?b" */
        bool waits;         /* its answer may have to wait, so their number is limited */
        VerbFn run;
} Verb;

/* verb_find() - NULL when there is none. */
const Verb *verb_find(const char *name);
