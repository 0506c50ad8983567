/* docs/states.md on standard output. */

#include "tests/support/states.h"

int main(void)
{
        states_print(stdout);
        return 0;
}
