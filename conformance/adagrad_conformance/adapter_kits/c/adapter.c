/* Puts a port of Adagrad before the conformance suite.  It works as it stands;
 * README.md says how to build and run it.  To make it yours:
 *
 * 1. Replace the toy port by an include of your own.
 * 2. Say in the adapter how yours is called.  It only translates: what your port does
 *    not do, do not do for it.
 * 3. Claim what your port can do and no more.  A function whose claim goes may go
 *    too. */

#define ADAGRAD_PORT_IMPLEMENTATION
#include "adagrad_port.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- the port: a toy, to be replaced by yours -------------------------------------- */

typedef struct {
  ap_param *param;
  size_t group;
  void *sum;
  long long t;
} toy_slot;

typedef struct {
  ap_options defaults, *groups;
  toy_slot *slots;
  size_t group_count, slot_count;
} toy;

static void toy_add(toy *port, const ap_group *group) {
  const size_t slots = port->slot_count + group->count;
  port->groups = realloc(port->groups, (port->group_count + 1) * sizeof *port->groups);
  port->slots = realloc(port->slots, slots * sizeof *port->slots);
  if (port->groups == NULL || port->slots == NULL) abort();
  ap_options *options = &port->groups[port->group_count];
  *options = port->defaults;
  ap_choose(options, &group->options);
  for (size_t i = 0; i < group->count; i++) {
    const ap_param *param = group->params[i];
    toy_slot *slot = &port->slots[port->slot_count++];
    void *sum = malloc(ap_bytes(param) + 1);
    *slot = (toy_slot){group->params[i], port->group_count, sum, 0};
    for (size_t k = 0; k < param->size; k++) {
      ap_put(param, slot->sum, k, ap_option(options, AP_INITIAL_ACCUMULATOR_VALUE, 0));
    }
  }
  port->group_count++;
}

static void toy_move(toy_slot *slot, const ap_options *options) {
  const ap_param *p = slot->param;
  const double lr = ap_option(options, AP_LR, 0.01);
  const double decay = ap_option(options, AP_LR_DECAY, 0);
  const double weight_decay = ap_option(options, AP_WEIGHT_DECAY, 0);
  const double eps = ap_option(options, AP_EPS, 1e-10);
  slot->t++;
  const double rate = lr / (1 + (double)(slot->t - 1) * decay);
  for (size_t i = 0; i < p->size; i++) {
    const double theta = ap_get(p, p->theta, i);
    double g = ap_get(p, p->gradient, i);
    if (ap_option(options, AP_MAXIMIZE, 0) != 0) g = -g;
    if (weight_decay != 0) g += weight_decay * theta;
    const double sum = ap_get(p, slot->sum, i) + g * g;
    ap_put(p, slot->sum, i, sum);
    ap_put(p, p->theta, i, theta - rate * g / (sqrt(sum) + eps));
  }
}

static void toy_step(toy *port) {
  for (toy_slot *slot = port->slots; slot < port->slots + port->slot_count; slot++) {
    if (slot->param->gradient != NULL) toy_move(slot, &port->groups[slot->group]);
  }
}

static toy_slot *toy_find(toy *port, const ap_param *param) {
  toy_slot *slot = port->slots;
  while (slot->param != param) slot++;
  return slot;
}

/* The state as bytes: the groups' options, then t and S of each param. */
static size_t toy_save(const toy *port, void **bytes) {
  const size_t options = port->group_count * sizeof *port->groups;
  size_t size = options;
  for (size_t i = 0; i < port->slot_count; i++) {
    size += sizeof(long long) + ap_bytes(port->slots[i].param);
  }
  char *at = *bytes = malloc(size + 1);
  memcpy(at, port->groups, options);
  at += options;
  for (size_t i = 0; i < port->slot_count; i++) {
    const toy_slot *slot = &port->slots[i];
    memcpy(at, &slot->t, sizeof slot->t);
    memcpy(at + sizeof slot->t, slot->sum, ap_bytes(slot->param));
    at += sizeof slot->t + ap_bytes(slot->param);
  }
  return size;
}

static void toy_load(toy *port, const char *at, size_t size) {
  const char *end = at + size;
  const size_t options = port->group_count * sizeof *port->groups;
  if (options > size) ap_crash("a save of another optimizer");
  memcpy(port->groups, at, options);
  at += options;
  for (size_t i = 0; i < port->slot_count; i++) {
    toy_slot *slot = &port->slots[i];
    const size_t needed = sizeof slot->t + ap_bytes(slot->param);
    if (needed > (size_t)(end - at)) ap_crash("a save of another optimizer");
    memcpy(&slot->t, at, sizeof slot->t);
    memcpy(slot->sum, at + sizeof slot->t, ap_bytes(slot->param));
    at += needed;
  }
}

static void toy_drop(toy *port) {
  for (size_t i = 0; i < port->slot_count; i++) free(port->slots[i].sum);
  free(port->slots);
  free(port->groups);
  free(port);
}

/* -- the adapter: your lines ------------------------------------------------------- */

static void drop(void *port) { toy_drop(port); }

static void *make(const ap_group *groups, size_t count, const ap_options *options) {
  toy *port = calloc(1, sizeof *port);
  port->defaults = *options;
  for (size_t i = 0; i < count; i++) toy_add(port, &groups[i]);
  return port;
}

static void step(void *port) { toy_step(port); }

static bool state(void *port, const ap_param *param, void *sum, long long *t) {
  const toy_slot *slot = toy_find(port, param);
  memcpy(sum, slot->sum, ap_bytes(param));
  *t = slot->t;
  return true;
}

static void set_state(void *port, const ap_param *param, const void *sum, long long t) {
  toy_slot *slot = toy_find(port, param);
  memcpy(slot->sum, sum, ap_bytes(param));
  slot->t = t;
}

static void set_option(void *port, size_t group, const ap_options *chosen) {
  ap_choose(&((toy *)port)->groups[group], chosen);
}

static void add_group(void *port, const ap_group *group) { toy_add(port, group); }

static size_t save(void *port, void **bytes) { return toy_save(port, bytes); }

static void load(void *port, const void *from, size_t n) { toy_load(port, from, n); }

static const ap_port me = {
    .name = "my-adagrad", .version = "1",
    .claims = "binary64 binary32 mixed-formats defaults set-option eps lr-decay "
              "weight-decay initial-accumulator-value maximize zero-lr zero-eps "
              "zero-accumulator state state-write many-steps gradients none-gradient "
              "groups add-group save load-bytes load-new-process",
    .make = make, .drop = drop, .step = step, .state = state, .set_state = set_state,
    .set_option = set_option, .add_group = add_group, .save = save, .load = load};

int main(void) { return ap_serve(&me); }
