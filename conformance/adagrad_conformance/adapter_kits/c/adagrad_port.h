/* Puts a port of Adagrad in C11 before the conformance suite: the protocol, so that an
 * adapter only says how the port is called.  One header, no dependency but POSIX.
 * Include it before all others, in one file with the implementation:
 *
 *   #define ADAGRAD_PORT_IMPLEMENTATION
 *   #include "adagrad_port.h"
 *   int main(void) { return ap_serve(&port); }     where port is an ap_port
 *
 * For ports in binary64 and binary32, with dense gradients and without closures.  A
 * saved state is bytes; claim "load-bytes" and "load-new-process" of the ways to load.
 *
 * What the port prints on standard output goes to standard error. */

#ifndef ADAGRAD_PORT_H
#define ADAGRAD_PORT_H

#if defined(ADAGRAD_PORT_IMPLEMENTATION) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdbool.h>
#include <stddef.h>

/* A param, shared by optimizers.  Its arrays are double*, or float* where it is narrow,
 * in row-major order.  A step writes theta in place. */
typedef struct {
  const char *name;
  bool narrow;
  size_t size, rank;
  const long long *shape;
  void *theta;
  void *gradient; /* like theta, or NULL for none */
} ap_param;

/* Element i of an array of the param, for programs that compute in double. */
double ap_get(const ap_param *param, const void *array, size_t i);
void ap_put(const ap_param *param, void *array, size_t i, double x);
/* The size of such an array in bytes. */
size_t ap_bytes(const ap_param *param);

enum {
  AP_LR,
  AP_LR_DECAY,
  AP_WEIGHT_DECAY,
  AP_INITIAL_ACCUMULATOR_VALUE,
  AP_EPS,
  AP_MAXIMIZE, /* 1 or 0 */
  AP_OPTIONS
};

/* The options that somebody chose; the port's own defaults hold for the others. */
typedef struct {
  bool chosen[AP_OPTIONS];
  double value[AP_OPTIONS];
} ap_options;

/* An option's value, or `standard` where nobody chose it. */
double ap_option(const ap_options *options, int which, double standard);
/* Take over what others chose. */
void ap_choose(ap_options *options, const ap_options *others);

/* Params of an optimizer, and the options in which they differ from the others. */
typedef struct {
  ap_param **params; /* valid for as long as the optimizer */
  size_t count;
  ap_options options;
} ap_group;

/* The port says no: leave the function at once.  Nothing else is a refusal. */
_Noreturn void ap_refuse(const char *why);
/* Anything else went wrong: leave the function at once. */
_Noreturn void ap_crash(const char *why);

/* The port: who it is, and how it is called.  Functions it does not claim are NULL. */
typedef struct {
  const char *name, *version;
  const char *claims;   /* words of PROTOCOL.md, with spaces between */
  const char *dialect;  /* NULL: the document */
  ap_options constants; /* what nobody can choose, and the values; it is not given */

  void *(*make)(const ap_group *groups, size_t count, const ap_options *options);
  void (*drop)(void *optimizer); /* it is used no more */
  void (*step)(void *optimizer);
  /* state: write the accumulator into sum, the counter into t (-1: it has none);
   * false where there is no accumulator yet */
  bool (*state)(void *optimizer, const ap_param *param, void *sum, long long *t);
  /* state-write */
  void (*set_state)(void *optimizer, const ap_param *param, const void *sum,
                    long long t);
  /* set-option: one option of a group, counted from 0 */
  void (*set_option)(void *optimizer, size_t group, const ap_options *chosen);
  /* add-group */
  void (*add_group)(void *optimizer, const ap_group *group);
  /* save: the size, and in bytes what the kit then frees */
  size_t (*save)(void *optimizer, void **bytes);
  void (*load)(void *optimizer, const void *bytes, size_t size);
} ap_port;

/* Answer the suite until it says stop; the exit code of main. */
int ap_serve(const ap_port *port);

#endif

#ifdef ADAGRAD_PORT_IMPLEMENTATION

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const ap_option_names[AP_OPTIONS] = {
    "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps", "maximize"};

double ap_get(const ap_param *param, const void *array, size_t i) {
  return param->narrow ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

void ap_put(const ap_param *param, void *array, size_t i, double x) {
  if (param->narrow) {
    ((float *)array)[i] = (float)x;
  } else {
    ((double *)array)[i] = x;
  }
}

size_t ap_bytes(const ap_param *param) {
  return param->size * (param->narrow ? sizeof(float) : sizeof(double));
}

double ap_option(const ap_options *options, int which, double standard) {
  return options->chosen[which] ? options->value[which] : standard;
}

void ap_choose(ap_options *options, const ap_options *others) {
  for (int i = 0; i < AP_OPTIONS; i++) {
    if (!others->chosen[i]) continue;
    options->chosen[i] = true;
    options->value[i] = others->value[i];
  }
}

/* -- refusals and crashes: back to the question that is being answered ------------- */

static jmp_buf ap_answering;
static const char *ap_outcome; /* "refused" or "crashed" */
static char ap_why[400];

static _Noreturn void ap_leave(const char *outcome, const char *why) {
  ap_outcome = outcome;
  snprintf(ap_why, sizeof ap_why, "%s", why);
  longjmp(ap_answering, 1);
}

_Noreturn void ap_refuse(const char *why) { ap_leave("refused", why); }
_Noreturn void ap_crash(const char *why) { ap_leave("crashed", why); }

/* -- memory: what lives as long as a question, and as a scenario ------------------- */

typedef struct ap_block {
  struct ap_block *before;
  max_align_t bytes[];
} ap_block;

typedef ap_block *ap_arena;

static void *ap_alloc(ap_arena *arena, size_t size) {
  ap_block *block = calloc(1, sizeof *block + (size ? size : 1));
  if (block == NULL) {
    fputs("no memory is left\n", stderr);
    exit(1);
  }
  block->before = *arena;
  *arena = block;
  return block->bytes;
}

static void ap_release(ap_arena *arena) {
  while (*arena != NULL) {
    ap_block *before = (*arena)->before;
    free(*arena);
    *arena = before;
  }
}

/* A text that grows. */
typedef struct {
  char *text;
  size_t size, room;
} ap_text;

static void ap_add_bytes(ap_text *to, const char *bytes, size_t size) {
  if (to->size + size + 1 > to->room) {
    to->room = 2 * (to->size + size + 1);
    to->text = realloc(to->text, to->room);
    if (to->text == NULL) {
      fputs("no memory is left\n", stderr);
      exit(1);
    }
  }
  memcpy(to->text + to->size, bytes, size);
  to->size += size;
  to->text[to->size] = '\0';
}

static void ap_add(ap_text *to, const char *text) {
  ap_add_bytes(to, text, strlen(text));
}

/* -- JSON -------------------------------------------------------------------------- */

typedef enum {
  AP_NULL,
  AP_TRUE,
  AP_FALSE,
  AP_NUMBER,
  AP_STRING,
  AP_LIST,
  AP_OBJECT
} ap_kind;

typedef struct ap_json {
  ap_kind kind;
  const char *key;  /* within an object */
  const char *text; /* of a string */
  long long number; /* whole: all others are sent as bits */
  size_t count;
  struct ap_json *first, *next;
} ap_json;

static ap_arena ap_question_memory;

static ap_json *ap_parse(char **at);

static void ap_blanks(char **at) { *at += strspn(*at, " \t\r\n"); }

static bool ap_skip(char **at, char c) {
  ap_blanks(at);
  if (**at != c) return false;
  ++*at;
  return true;
}

static void ap_expect(char **at, char c) {
  if (!ap_skip(at, c)) ap_crash("a line is no JSON");
}

/* The four digits of \uXXXX. */
static unsigned ap_code_unit(char **at) {
  unsigned code = 0;
  for (int i = 0; i < 4; i++) {
    const char *hex = "0123456789abcdef", c = *(*at)++;
    const char *digit = c ? strchr(hex, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    if (digit == NULL) ap_crash("a line is no JSON");
    code = code << 4 | (unsigned)(digit - hex);
  }
  return code;
}

/* \uXXXX, or a pair of them, as UTF-8; `at` is behind the u. */
static char *ap_code_point(char **at, char *to) {
  unsigned code = ap_code_unit(at);
  if (code >= 0xd800 && code < 0xdc00 && strncmp(*at, "\\u", 2) == 0) {
    *at += 2;
    code = 0x10000 + ((code - 0xd800) << 10) + (ap_code_unit(at) - 0xdc00);
  }
  const int tails = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const unsigned heads[] = {0, 0xc0, 0xe0, 0xf0};
  *to++ = (char)(heads[tails] | code >> 6 * tails);
  for (int i = tails - 1; i >= 0; i--) *to++ = (char)(0x80 | (code >> 6 * i & 0x3f));
  return to;
}

/* A string, unescaped in its own place, which it never outgrows. */
static const char *ap_parse_string(char **at) {
  static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  ap_expect(at, '"');
  char *start = *at, *to = start;
  while (**at != '"') {
    if (**at == '\0') ap_crash("a line is no JSON");
    if (**at != '\\') {
      *to++ = *(*at)++;
      continue;
    }
    const char escaped = (*at)[1];
    const char *which = escaped ? strchr(names, escaped) : NULL;
    if (escaped != 'u' && which == NULL) ap_crash("a line is no JSON");
    *at += 2;
    if (escaped == 'u') {
      to = ap_code_point(at, to);
    } else {
      *to++ = meant[which - names];
    }
  }
  ++*at;
  *to = '\0';
  return start;
}

static void ap_parse_members(ap_json *into, char **at, char end) {
  ap_json **last = &into->first;
  if (ap_skip(at, end)) return;
  do {
    const char *key = NULL;
    if (into->kind == AP_OBJECT) {
      key = ap_parse_string(at);
      ap_expect(at, ':');
    }
    *last = ap_parse(at);
    (*last)->key = key;
    last = &(*last)->next;
    into->count++;
  } while (ap_skip(at, ','));
  ap_expect(at, end);
}

static bool ap_parse_word(ap_json *into, char **at) {
  static const char *const words[] = {"null", "true", "false"};
  for (int i = 0; i < 3; i++) {
    const size_t length = strlen(words[i]);
    if (strncmp(*at, words[i], length) != 0) continue;
    into->kind = (ap_kind)i;
    *at += length;
    return true;
  }
  return false;
}

static ap_json *ap_parse(char **at) {
  ap_json *value = ap_alloc(&ap_question_memory, sizeof *value);
  ap_blanks(at);
  if (**at == '"') {
    value->kind = AP_STRING;
    value->text = ap_parse_string(at);
  } else if (ap_skip(at, '[')) {
    value->kind = AP_LIST;
    ap_parse_members(value, at, ']');
  } else if (ap_skip(at, '{')) {
    value->kind = AP_OBJECT;
    ap_parse_members(value, at, '}');
  } else if (!ap_parse_word(value, at)) {
    char *end;
    value->kind = AP_NUMBER;
    value->number = strtoll(*at, &end, 10);
    if (end == *at) ap_crash("a line is no JSON");
    *at = end + strspn(end, ".eE+-0123456789"); /* a fraction is for people */
  }
  return value;
}

static const ap_json *ap_find(const ap_json *object, const char *key) {
  for (const ap_json *x = object->first; x != NULL; x = x->next) {
    if (x->key != NULL && strcmp(x->key, key) == 0) return x;
  }
  return NULL;
}

static const ap_json *ap_key(const ap_json *object, const char *key) {
  const ap_json *found = ap_find(object, key);
  if (found == NULL) ap_crash("a message lacks a key");
  return found;
}

static const char *ap_word(const ap_json *object, const char *key) {
  const ap_json *found = ap_key(object, key);
  if (found->kind != AP_STRING) ap_crash("a message has no text where one is due");
  return found->text;
}

static void ap_add_string(ap_text *to, const char *text) {
  ap_add(to, "\"");
  for (; *text; text++) {
    const unsigned char c = (unsigned char)*text;
    char escaped[8];
    if (c == '"' || c == '\\') {
      snprintf(escaped, sizeof escaped, "\\%c", c);
    } else if (c < 0x20) {
      snprintf(escaped, sizeof escaped, "\\u%04x", c);
    } else {
      snprintf(escaped, sizeof escaped, "%c", c);
    }
    ap_add(to, escaped);
  }
  ap_add(to, "\"");
}

static void ap_add_number(ap_text *to, long long number) {
  char digits[24];
  snprintf(digits, sizeof digits, "%lld", number);
  ap_add(to, digits);
}

/* -- numbers: the bits of IEEE 754 as hexadecimal digits --------------------------- */

static void ap_add_hex(ap_text *to, const void *array, size_t size, bool narrow) {
  for (size_t i = 0; i < size; i++) {
    char digits[20];
    if (narrow) {
      uint32_t encoding;
      memcpy(&encoding, (const float *)array + i, sizeof encoding);
      snprintf(digits, sizeof digits, "%08lx", (unsigned long)encoding);
    } else {
      uint64_t encoding;
      memcpy(&encoding, (const double *)array + i, sizeof encoding);
      snprintf(digits, sizeof digits, "%016llx", (unsigned long long)encoding);
    }
    ap_add(to, digits);
  }
}

/* Digits of one encoding into element i. */
static void ap_from_hex(const char *digits, void *array, size_t i, bool narrow) {
  char own[17] = {0};
  memcpy(own, digits, narrow ? 8 : 16);
  const uint64_t wide = strtoull(own, NULL, 16);
  const uint32_t encoding = (uint32_t)wide;
  if (narrow) {
    memcpy((float *)array + i, &encoding, sizeof encoding);
  } else {
    memcpy((double *)array + i, &wide, sizeof wide);
  }
}

/* The elements of a tensor, which are like those of a param. */
static void ap_elements(const ap_json *tensor, const ap_param *like, void *array) {
  const ap_json *bits = ap_key(tensor, "bits");
  const size_t digits = like->narrow ? 8 : 16;
  if (strcmp(ap_word(tensor, "format"), like->narrow ? "binary32" : "binary64") != 0) {
    ap_crash("a tensor of another format than its param");
  }
  if (bits->kind == AP_STRING) {
    if (strlen(bits->text) != digits * like->size) ap_crash("a tensor of another size");
    for (size_t i = 0; i < like->size; i++) {
      ap_from_hex(bits->text + i * digits, array, i, like->narrow);
    }
    return;
  }
  if (bits->count != like->size) ap_crash("a tensor of another size");
  size_t i = 0;
  for (const ap_json *x = bits->first; x != NULL; x = x->next) {
    if (x->kind != AP_STRING || strlen(x->text) != digits) ap_crash("bits are no bits");
    ap_from_hex(x->text, array, i++, like->narrow);
  }
}

static void ap_add_tensor(ap_text *to, const ap_param *like, const void *array) {
  if (array == NULL) {
    ap_add(to, "null");
    return;
  }
  ap_add(to, "{\"format\":");
  ap_add(to, like->narrow ? "\"binary32\"" : "\"binary64\"");
  ap_add(to, ",\"shape\":[");
  for (size_t i = 0; i < like->rank; i++) {
    if (i > 0) ap_add(to, ",");
    ap_add_number(to, like->shape[i]);
  }
  ap_add(to, "],\"bits\":\"");
  ap_add_hex(to, array, like->size, like->narrow);
  ap_add(to, "\"}");
}

static const char ap_base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void ap_add_base64(ap_text *to, const unsigned char *bytes, size_t size) {
  for (size_t at = 0; at < size; at += 3) {
    uint32_t three = 0;
    char digits[5] = "====";
    for (size_t i = 0; i < 3; i++)
      three = three << 8 | (at + i < size ? bytes[at + i] : 0u);
    for (size_t i = 0; i < 4 && at + i <= size; i++) {
      digits[i] = ap_base64[three >> (18 - 6 * i) & 63];
    }
    ap_add(to, digits);
  }
}

static size_t ap_from_base64(const char *text, unsigned char *bytes) {
  uint32_t group = 0;
  unsigned held = 0;
  size_t size = 0;
  for (; *text && *text != '='; text++) {
    const char *digit = strchr(ap_base64, *text);
    if (digit == NULL) ap_crash("a payload is no base64");
    group = group << 6 | (uint32_t)(digit - ap_base64);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[size++] = (unsigned char)(group >> held & 0xff);
  }
  return size;
}

/* -- what the scenario holds ------------------------------------------------------- */

typedef struct ap_optimizer {
  const char *name;
  void *port;
  ap_param **params;
  size_t count;
  struct ap_optimizer *next;
} ap_optimizer;

typedef struct ap_save {
  const char *name;
  void *bytes;
  size_t size;
  struct ap_save *next;
} ap_save;

static const ap_port *ap_served;
static ap_arena ap_scenario_memory;
static ap_param *ap_params;
static void **ap_rooms; /* for the gradient of each */
static size_t ap_param_count;
static ap_optimizer *ap_optimizers;
static ap_save *ap_saves;
static ap_text ap_said; /* the answer being written */

/* What was chosen, without the port's constants. */
static ap_options ap_chosen(const ap_json *raw) {
  ap_options options = {0};
  for (const ap_json *x = raw->first; x != NULL; x = x->next) {
    int which = 0;
    while (which < AP_OPTIONS && strcmp(x->key, ap_option_names[which]) != 0) which++;
    if (which == AP_OPTIONS) ap_crash("an unknown option");
    options.chosen[which] = !ap_served->constants.chosen[which];
    if (x->kind == AP_OBJECT) {
      const char *bits = ap_word(x, "bits");
      if (strlen(bits) != 16) ap_crash("bits are no bits");
      ap_from_hex(bits, options.value, (size_t)which, false);
    } else {
      options.value[which] = x->kind == AP_TRUE;
    }
  }
  return options;
}

/* Functions are NULL where the port does not claim what they do. */
static void ap_need(bool there) {
  if (!there) ap_crash("the adapter claims what it has no function for");
}

static const char *ap_keep(const char *text) {
  return strcpy(ap_alloc(&ap_scenario_memory, strlen(text) + 1), text);
}

static ap_param *ap_find_param(const char *name) {
  for (size_t i = 0; i < ap_param_count; i++) {
    if (strcmp(ap_params[i].name, name) == 0) return &ap_params[i];
  }
  ap_crash("an unknown param");
}

static ap_optimizer *ap_find_optimizer(const ap_json *message) {
  const char *name = ap_word(message, "optimizer");
  ap_optimizer *found = ap_optimizers;
  while (found != NULL && strcmp(found->name, name) != 0) found = found->next;
  if (found == NULL) ap_crash("an unknown optimizer");
  return found;
}

static void ap_drop(void *optimizer) {
  if (ap_served->drop != NULL && optimizer != NULL) ap_served->drop(optimizer);
}

static void ap_forget(void) {
  for (ap_optimizer *x = ap_optimizers; x != NULL; x = x->next) ap_drop(x->port);
  for (ap_save *x = ap_saves; x != NULL; x = x->next) free(x->bytes);
  ap_optimizers = NULL;
  ap_saves = NULL;
  ap_param_count = 0;
  ap_release(&ap_scenario_memory);
}

static void ap_begin(const ap_json *question) {
  const ap_json *tensors = ap_key(question, "tensors");
  ap_forget();
  ap_params = ap_alloc(&ap_scenario_memory, tensors->count * sizeof *ap_params);
  ap_rooms = ap_alloc(&ap_scenario_memory, tensors->count * sizeof *ap_rooms);
  for (const ap_json *raw = tensors->first; raw != NULL; raw = raw->next) {
    const ap_json *shape = ap_key(raw, "shape");
    long long *extents = ap_alloc(&ap_scenario_memory, shape->count * sizeof *extents);
    ap_param *param = &ap_params[ap_param_count++];
    param->name = ap_keep(raw->key);
    param->narrow = strcmp(ap_word(raw, "format"), "binary32") == 0;
    param->rank = shape->count;
    param->shape = extents;
    param->size = 1;
    for (const ap_json *x = shape->first; x != NULL; x = x->next) {
      *extents++ = x->number;
      param->size *= (size_t)x->number;
    }
    param->theta = ap_alloc(&ap_scenario_memory, ap_bytes(param));
    ap_elements(raw, param, param->theta);
    ap_rooms[param - ap_params] = ap_alloc(&ap_scenario_memory, ap_bytes(param));
  }
}

static ap_group ap_read_group(const ap_json *raw) {
  const ap_json *names = ap_key(raw, "params");
  ap_group group = {NULL, names->count, ap_chosen(ap_key(raw, "options"))};
  group.params = ap_alloc(&ap_scenario_memory, names->count * sizeof *group.params);
  size_t i = 0;
  for (const ap_json *x = names->first; x != NULL; x = x->next) {
    group.params[i++] = ap_find_param(x->text);
  }
  return group;
}

static void ap_remember(ap_optimizer *of, const ap_group *group) {
  const size_t count = of->count + group->count;
  ap_param **params = ap_alloc(&ap_scenario_memory, count * sizeof *params);
  if (of->count > 0) memcpy(params, of->params, of->count * sizeof *params);
  memcpy(params + of->count, group->params, group->count * sizeof *params);
  of->params = params;
  of->count = count;
}

static void ap_new(const ap_json *event) {
  const ap_json *raw = ap_key(event, "groups");
  const ap_options options = ap_chosen(ap_key(event, "options"));
  ap_group *groups = ap_alloc(&ap_scenario_memory, raw->count * sizeof *groups);
  ap_optimizer *made = ap_alloc(&ap_scenario_memory, sizeof *made);
  size_t count = 0;
  for (const ap_json *x = raw->first; x != NULL; x = x->next) {
    groups[count] = ap_read_group(x);
    ap_remember(made, &groups[count++]);
  }
  made->name = ap_keep(ap_word(event, "optimizer"));
  made->port = ap_served->make(groups, count, &options);
  made->next = ap_optimizers; /* it hides one of the same name */
  ap_optimizers = made;
}

static void ap_set_gradients(const ap_json *gradients) {
  for (const ap_json *x = gradients->first; x != NULL; x = x->next) {
    ap_param *param = ap_find_param(x->key);
    if (x->kind != AP_NULL && ap_find(x, "indices") != NULL) {
      ap_crash("this kit has no sparse gradients; do not claim \"sparse\"");
    }
    param->gradient = x->kind == AP_NULL ? NULL : ap_rooms[param - ap_params];
    if (param->gradient != NULL) ap_elements(x, param, param->gradient);
  }
}

/* Whether there is an accumulator; what is none of a counter is -1. */
static bool ap_look(const ap_optimizer *of, const ap_param *param, void *sum,
                    long long *t) {
  *t = -1;
  return ap_served->state != NULL && ap_served->state(of->port, param, sum, t);
}

static void ap_read(const ap_optimizer *of) {
  ap_add(&ap_said, "{\"params\":{");
  for (size_t i = 0; i < of->count; i++) {
    const ap_param *param = of->params[i];
    long long t;
    void *sum = ap_alloc(&ap_question_memory, ap_bytes(param));
    const bool there = ap_look(of, param, sum, &t);
    if (i > 0) ap_add(&ap_said, ",");
    ap_add_string(&ap_said, param->name);
    ap_add(&ap_said, ":{\"theta\":");
    ap_add_tensor(&ap_said, param, param->theta);
    ap_add(&ap_said, ",\"gradient\":");
    ap_add_tensor(&ap_said, param, param->gradient);
    ap_add(&ap_said, ",\"sum\":");
    ap_add_tensor(&ap_said, param, there ? sum : NULL);
    ap_add(&ap_said, ",\"t\":");
    if (t < 0) {
      ap_add(&ap_said, "null}");
    } else {
      ap_add_number(&ap_said, t);
      ap_add(&ap_said, "}");
    }
  }
  ap_add(&ap_said, "}}");
}

/* One param over many steps. */
typedef struct {
  ap_text theta, sum, t;
  void *room;
  bool counts;
} ap_trace;

static void ap_follow(const ap_optimizer *of, ap_trace *traces) {
  for (size_t i = 0; i < of->count; i++) {
    const ap_param *param = of->params[i];
    long long t;
    if (!ap_look(of, param, traces[i].room, &t)) {
      ap_crash("no accumulator in the midst of a run");
    }
    ap_add_hex(&traces[i].theta, param->theta, param->size, param->narrow);
    ap_add_hex(&traces[i].sum, traces[i].room, param->size, param->narrow);
    if (traces[i].t.size > 0) ap_add(&traces[i].t, ",");
    ap_add_number(&traces[i].t, t);
    traces[i].counts = t >= 0;
  }
}

static void ap_add_trace(ap_trace *trace, const ap_param *param) {
  ap_add_string(&ap_said, param->name);
  ap_add(&ap_said,
         param->narrow ? ":{\"format\":\"binary32\"" : ":{\"format\":\"binary64\"");
  ap_add(&ap_said, ",\"theta\":\"");
  if (trace->theta.size > 0) ap_add(&ap_said, trace->theta.text);
  ap_add(&ap_said, "\",\"sum\":\"");
  if (trace->sum.size > 0) ap_add(&ap_said, trace->sum.text);
  ap_add(&ap_said, trace->counts ? "\",\"t\":[" : "\",\"t\":null");
  if (trace->counts) ap_add(&ap_said, trace->t.text);
  ap_add(&ap_said, trace->counts ? "]}" : "}");
  free(trace->theta.text);
  free(trace->sum.text);
  free(trace->t.text);
}

static void ap_steps(const ap_optimizer *of, const ap_json *event) {
  const long long count = ap_key(event, "count")->number;
  const ap_json *cycle = ap_key(event, "cycle"), *set = cycle->first;
  ap_trace *traces = ap_alloc(&ap_question_memory, of->count * sizeof *traces);
  for (size_t i = 0; i < of->count; i++) {
    traces[i].room = ap_alloc(&ap_question_memory, ap_bytes(of->params[i]));
  }
  for (long long i = 0; i < count; i++) {
    ap_set_gradients(set);
    ap_served->step(of->port);
    ap_follow(of, traces);
    set = set->next != NULL ? set->next : cycle->first;
  }
  ap_add(&ap_said, "{\"trace\":{");
  for (size_t i = 0; i < of->count; i++) {
    if (i > 0) ap_add(&ap_said, ",");
    ap_add_trace(&traces[i], of->params[i]);
  }
  ap_add(&ap_said, "}}");
}

static void ap_keep_state(const ap_optimizer *of, const char *name) {
  ap_need(ap_served->save != NULL);
  ap_save *kept = ap_alloc(&ap_scenario_memory, sizeof *kept);
  kept->size = ap_served->save(of->port, &kept->bytes);
  kept->name = ap_keep(name);
  kept->next = ap_saves;
  ap_saves = kept;
  ap_add(&ap_said, "{\"saved\":\"");
  ap_add_base64(&ap_said, kept->bytes, kept->size);
  ap_add(&ap_said, "\"}");
}

static void ap_load(const ap_optimizer *of, const ap_json *event,
                    const ap_json *question) {
  ap_need(ap_served->load != NULL);
  const ap_json *payload = ap_find(question, "payload");
  if (payload != NULL) {
    unsigned char *bytes = ap_alloc(&ap_question_memory, strlen(payload->text));
    ap_served->load(of->port, bytes, ap_from_base64(payload->text, bytes));
    return;
  }
  const char *name = ap_word(event, "name");
  const ap_save *kept = ap_saves;
  while (kept != NULL && strcmp(kept->name, name) != 0) kept = kept->next;
  if (kept == NULL) ap_crash("an unknown save");
  ap_served->load(of->port, kept->bytes, kept->size);
}

static void ap_take_state(const ap_optimizer *of) {
  ap_need(ap_served->save != NULL);
  void *bytes = NULL;
  ap_served->save(of->port, &bytes);
  free(bytes);
}

static void ap_write_state(const ap_optimizer *of, const ap_json *event) {
  ap_need(ap_served->set_state != NULL);
  const ap_param *param = ap_find_param(ap_word(event, "param"));
  void *sum = ap_alloc(&ap_question_memory, ap_bytes(param));
  ap_elements(ap_key(event, "sum"), param, sum);
  ap_served->set_state(of->port, param, sum, ap_key(event, "t")->number);
}

static void ap_set_option(const ap_optimizer *of, const ap_json *event) {
  ap_need(ap_served->set_option != NULL);
  ap_json value = *ap_key(event, "value");
  value.key = ap_word(event, "option");
  value.next = NULL;
  const ap_json raw = {.kind = AP_OBJECT, .first = &value};
  const ap_options chosen = ap_chosen(&raw);
  bool any = false; /* none, if it is a constant */
  for (int i = 0; i < AP_OPTIONS; i++) any = any || chosen.chosen[i];
  if (!any) return;
  ap_served->set_option(of->port, (size_t)ap_key(event, "group")->number, &chosen);
}

static void ap_add_group(ap_optimizer *of, const ap_json *event) {
  ap_need(ap_served->add_group != NULL);
  const ap_group group = ap_read_group(ap_key(event, "group"));
  ap_served->add_group(of->port, &group);
  ap_remember(of, &group);
}

static void ap_event(const ap_json *question) {
  const ap_json *event = ap_key(question, "event");
  const char *what = ap_word(event, "do");
  ap_optimizer *of = strcmp(what, "new") == 0 ? NULL : ap_find_optimizer(event);
  const size_t before = ap_said.size;
  if (of == NULL) {
    ap_new(event);
  } else if (strcmp(what, "step") == 0) {
    if (ap_find(event, "closure") != NULL) ap_crash("this kit has no closures");
    ap_set_gradients(ap_key(event, "gradients"));
    ap_served->step(of->port);
  } else if (strcmp(what, "steps") == 0) {
    ap_steps(of, event);
  } else if (strcmp(what, "set-option") == 0) {
    ap_set_option(of, event);
  } else if (strcmp(what, "add-group") == 0) {
    ap_add_group(of, event);
  } else if (strcmp(what, "set-state") == 0) {
    ap_write_state(of, event);
  } else if (strcmp(what, "state-dict") == 0) {
    ap_take_state(of);
  } else if (strcmp(what, "save") == 0) {
    ap_keep_state(of, ap_word(event, "name"));
  } else if (strcmp(what, "load") == 0) {
    ap_load(of, event, question);
  } else {
    ap_crash("this kit does not know that event; do not claim it");
  }
  if (ap_said.size == before) ap_add(&ap_said, "{}");
}

static void ap_start(void) {
  char *words = ap_alloc(&ap_question_memory, strlen(ap_served->claims) + 1);
  const char *before = "";
  ap_add(&ap_said,
         "{\"protocol\":1,\"language\":\"C\",\"takes\":[\"ahead\",\"packed\"]");
  ap_add(&ap_said, ",\"name\":");
  ap_add_string(&ap_said, ap_served->name);
  ap_add(&ap_said, ",\"version\":");
  ap_add_string(&ap_said, ap_served->version);
  if (ap_served->dialect != NULL) {
    ap_add(&ap_said, ",\"dialect\":");
    ap_add_string(&ap_said, ap_served->dialect);
  }
  ap_add(&ap_said, ",\"constants\":{");
  for (int i = 0; i < AP_OPTIONS; i++) {
    if (!ap_served->constants.chosen[i]) continue;
    ap_add(&ap_said, before);
    ap_add_string(&ap_said, ap_option_names[i]);
    ap_add(&ap_said, ":{\"bits\":\"");
    ap_add_hex(&ap_said, &ap_served->constants.value[i], 1, false);
    ap_add(&ap_said, "\"}");
    before = ",";
  }
  ap_add(&ap_said, "},\"claims\":[");
  strcpy(words, ap_served->claims);
  before = "";
  for (char *word = strtok(words, " \n"); word != NULL; word = strtok(NULL, " \n")) {
    ap_add(&ap_said, before);
    ap_add_string(&ap_said, word);
    before = ",";
  }
  ap_add(&ap_said, "]}");
}

static void ap_answer(const ap_json *question) {
  const char *op = ap_word(question, "op");
  if (strcmp(op, "start") == 0) {
    ap_start();
  } else if (strcmp(op, "begin") == 0) {
    ap_begin(question);
    ap_add(&ap_said, "{}");
  } else if (strcmp(op, "read") == 0) {
    ap_read(ap_find_optimizer(question));
  } else if (strcmp(op, "event") == 0) {
    ap_event(question);
  } else if (strcmp(op, "stop") == 0) {
    ap_add(&ap_said, "{}");
  } else {
    ap_crash("an unknown question");
  }
}

/* Begin the answer anew: {"seq":n,"<outcome>": */
static void ap_open(const ap_json *question, const char *outcome) {
  const ap_json *seq = question ? ap_find(question, "seq") : NULL;
  ap_said.size = 0;
  ap_add(&ap_said, "{\"seq\":");
  ap_add_number(&ap_said, seq ? seq->number : 0);
  ap_add(&ap_said, ",\"");
  ap_add(&ap_said, outcome);
  ap_add(&ap_said, "\":");
}

int ap_serve(const ap_port *port) {
  FILE *out = fdopen(dup(1), "w");
  char *line = NULL;
  size_t room = 0;
  static const ap_json *question; /* these outlive a longjmp */
  static bool stop;
  ap_served = port;
  dup2(2, 1); /* what the port prints is no answer */
  while (!stop && getline(&line, &room, stdin) > 0) {
    question = NULL;
    if (setjmp(ap_answering) == 0) {
      char *at = line;
      question = ap_parse(&at);
      ap_open(question, "ok");
      ap_answer(question);
      stop = strcmp(ap_word(question, "op"), "stop") == 0;
    } else {
      ap_open(question, ap_outcome);
      ap_add_string(&ap_said, ap_why);
    }
    ap_add(&ap_said, "}\n");
    fwrite(ap_said.text, 1, ap_said.size, out);
    fflush(out);
    ap_release(&ap_question_memory);
  }
  ap_forget();
  free(ap_said.text);
  free(line);
  fclose(out);
  return 0;
}

#endif
