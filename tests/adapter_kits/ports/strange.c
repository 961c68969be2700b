/* What a toy does not show of the kit; test_kits.py says what is expected. */
#define ADAGRAD_PORT_IMPLEMENTATION
#include "adagrad_port.h"

static double lr;
static const char *first;

static void *make(const ap_group *groups, size_t count, const ap_options *options) {
  if (count != 1 || options->chosen[AP_EPS]) ap_crash("eps was given");
  lr = ap_option(options, AP_LR, 0.01);
  if (lr < 0) ap_refuse("lr is negative");
  if (lr == 0) ap_refuse("lr is zero");
  first = groups[0].params[0]->name;
  return NULL;
}

static void step(void *optimizer) {
  (void)optimizer;
  puts("noise");
  fflush(stdout);
  if (lr == 13) ap_crash("thirteen");
}

static void set_option(void *optimizer, size_t group, const ap_options *chosen) {
  (void)optimizer;
  if (group != 0 || chosen->chosen[AP_EPS]) ap_crash("eps was given");
  lr = chosen->value[AP_LR];
}

static size_t save(void *optimizer, void **bytes) {
  (void)optimizer;
  *bytes = malloc(strlen(first) + 1);
  strcpy(*bytes, first);
  return strlen(first);
}

static void load(void *optimizer, const void *bytes, size_t size) {
  char text[100] = {0};
  (void)optimizer;
  memcpy(text, bytes, size);
  ap_refuse(text);
}

static const ap_port me = {
    .name = "strange", .version = "7", .dialect = "tfjs",
    .claims = "binary64 eps save load-bytes set-option",
    .constants = {.chosen[AP_EPS] = true, .value[AP_EPS] = 1e-7},
    .make = make, .step = step, .set_option = set_option, .save = save, .load = load};

int main(void) { return ap_serve(&me); }
