#pragma once
/*
 * What the tests of the engine share. What happened is read as a text: "+a" spawned, "-a" asked to
 * stop, "!a" killed, ".a" gone, "?a" not spawned, "^a" said that it is ready.
 */

#include "tests/support/fake-world.h"
#include "tests/support/test-main.h"

#include <signal.h>

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC

#define EXEC(name, more)          "{'name':'" name "','exec':['/bin/true']" more "}"
#define NOTIFY(name, more)        EXEC(name, ",'ready':'notify'" more)
#define SUP(name, head, children) "{'name':'" name "'," head "'children':[" children "]}"
#define APPS(apps)                "{'node':'t@t','applications':[" apps "]}"
#define TREE(head, children)      APPS(SUP("x", head, children))

#define BACKOFF ",'backoff':{'initial':'100ms','max':'300ms','factor':2,'jitter':0,'reset':'60s'}"

#define OFO(n) "'intensity':" #n ","
#define OFA(n) "'strategy':'one_for_all','intensity':" #n ","
#define RFO(n) "'strategy':'rest_for_one','intensity':" #n ","
#define ABC    EXEC("a", "") "," EXEC("b", "") "," EXEC("c", "")
#define ABCD   ABC "," EXEC("d", "")

static FakeWorld *fake _unused_;

static inline void boot(const char *json)
{
        fake = fake_new(json);
        fake_boot(fake);
        (void)fake_take_trace(fake);
}

static inline void teardown(void)
{
        if (fake)
                ck_assert_uint_eq(fake->faults, 0);
        fake = fake_free(fake);
}

static inline void assert_trace(const char *expected)
{
        ck_assert_str_eq(fake_take_trace(fake), expected);
}

static inline LifeState state_of(const char *path)
{
        return (LifeState)fake_node(fake, path)->life.state;
}

#define assert_state(path, expected) \
        ck_assert_str_eq(life_state_label(state_of(path)), life_state_label(LIFE_##expected))

static inline const char *reason_of(const char *path)
{
        return fake_node(fake, path)->life.reason;
}

static inline uint64_t restarts_of(const char *path)
{
        return fake_node(fake, path)->life.restarts;
}

static inline uint32_t used_of(const char *path)
{
        return intensity_used(&fake_node(fake, path)->budget, fake->now);
}

static inline void shut_down(void)
{
        engine_shutdown(fake->engine);
        (void)fake_turn(fake);
        fake_settle(fake);
}

static inline LifeState root_state(void)
{
        return (LifeState)fake->tree->root->life.state;
}
