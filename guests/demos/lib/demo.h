/* What the demo guests have in common: a console, and sleep until something happens. They take no upcalls. */
#ifndef DEMO_H
#define DEMO_H

#include "hypercall.h"

extern struct start_info *start_info;
extern volatile union shared_page {
    struct shared_info info;
    char page[PAGE_SIZE];
} shared_page;

/* The guest itself. */
_Noreturn void demo_main(void);

/* Adds to what is said next; `say` sends it. Lines end with \n. */
void add_text(const char *text);
void add_number(uint64_t value);
void say(void);
/* The next character that was typed; sleeps until there is one. */
char hear(void);

/* Clears a port's pending bit; it was set. */
bool take_event(uint32_t port);
/* Sleeps until `port` is pending, or until `timeout` (system time in ns, 0 = for ever), and clears it. */
void wait_event(uint32_t port, uint64_t timeout);
uint64_t system_time(void);

#endif
