// Puts a port of Adagrad in C++17 before the conformance suite: the protocol, so that
// an adapter only says how the port is called.  One header, no dependency but POSIX.
//
//   #include "adagrad_port.hpp"
//   int main() { return MyPort().serve(); }       // MyPort is an adagrad_port::Port
//
//   Port        who the port is, its claims (PROTOCOL.md); makes optimizers, and params
//               where they need more than a `Param` of the kit
//   Optimizer   one optimizer of the port: step, and a method for each further claim
//   Param       one param, shared by optimizers: its tensor and its gradient
//   Tensor      format, shape and encodings; as numbers by values<T>() and with()
//   Options     the options that somebody chose; the others are the port's defaults
//   Refused     thrown where the port says no; any other exception is a crash, unless
//               Port::refuses says otherwise
//
// What the port prints on standard output goes to standard error.  Numbers are taken to
// lie in memory with the least significant byte first.

#ifndef ADAGRAD_PORT_HPP
#define ADAGRAD_PORT_HPP

#include <algorithm>
#include <any>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <unistd.h>

namespace adagrad_port {

/// The port says no; the message is the port's own.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The adapter, or a message, is wrong: never a refusal.
struct AdapterError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// -- tensors, gradients, options ------------------------------------------------------

/// Bits of an encoding in a format; throws for what is no format.
inline unsigned width(const std::string& format) {
  if (format == "binary64") return 64;
  if (format == "binary32") return 32;
  if (format == "binary16" || format == "bfloat16") return 16;
  throw AdapterError("unknown format " + format);
}

/// A view into a storage of `length` elements; the others hold `guard`.
struct Layout {
  std::int64_t length = 0, offset = 0;
  std::vector<std::int64_t> strides;  // offset and strides count elements
  std::uint64_t guard = 0;
};

/// IEEE 754 encodings in row-major order; a complex element is two of them.
struct Tensor {
  std::string format;
  std::vector<std::int64_t> shape;
  std::vector<std::uint64_t> bits;
  bool complex = false;
  std::optional<Layout> layout;

  /// The encodings as values of a type of that width: double, float, at::Half, ...
  template <class T>
  std::vector<T> values() const {
    check<T>();
    std::vector<T> made(bits.size());
    for (std::size_t i = 0; i < bits.size(); i++) {
      const std::uint64_t encoding = bits[i];
      std::memcpy(static_cast<void*>(&made[i]), &encoding, sizeof(T));
    }
    return made;
  }

  /// A tensor like this one, without its layout, of other values.
  template <class T>
  Tensor with(const T* values) const {
    check<T>();
    Tensor made{format, shape, std::vector<std::uint64_t>(bits.size()), complex, {}};
    for (std::size_t i = 0; i < bits.size(); i++) {
      std::memcpy(&made.bits[i], static_cast<const void*>(values + i), sizeof(T));
    }
    return made;
  }

  template <class T>
  Tensor with(const std::vector<T>& values) const {
    if (values.size() != bits.size()) throw AdapterError("another number of values");
    return with(values.data());
  }

  /// The same for programs that compute in double: binary64, or binary32 by rounding.
  std::vector<double> numbers() const {
    if (format == "binary64") return values<double>();
    const std::vector<float> narrow = values<float>();
    return {narrow.begin(), narrow.end()};
  }
  Tensor with_numbers(const std::vector<double>& numbers) const {
    if (format == "binary64") return with(numbers);
    return with(std::vector<float>(numbers.begin(), numbers.end()));
  }

 private:
  template <class T>
  void check() const {
    if (8 * sizeof(T) != width(format)) {
      throw AdapterError("values of another width than " + format);
    }
  }
};

/// Rows of a gradient of `shape`; rows with the same index add up.
struct Sparse {
  std::vector<std::int64_t> shape, indices;
  Tensor values;  // one row for each index
};

/// None, all elements, or rows (claim `sparse`).
using Gradient = std::variant<std::monostate, Tensor, Sparse>;

/// What was chosen; the port's own default holds for all else.
struct Options {
  std::optional<double> lr, lr_decay, weight_decay, initial_accumulator_value, eps;
  std::optional<bool> maximize;

  /// Take over what others chose.
  void choose(const Options& others) {
    const auto take = [](auto& mine, const auto& theirs) {
      if (theirs) mine = theirs;
    };
    take(lr, others.lr);
    take(lr_decay, others.lr_decay);
    take(weight_decay, others.weight_decay);
    take(initial_accumulator_value, others.initial_accumulator_value);
    take(eps, others.eps);
    take(maximize, others.maximize);
  }
};

/// A param, shared by optimizers.  Ports with tensors of their own derive from it.
class Param {
 public:
  Param(std::string its_name, Tensor its_theta)
      : name(std::move(its_name)), theta(std::move(its_theta)) {}
  virtual ~Param() = default;

  const std::string name;
  Tensor theta;
  Gradient gradient;

  /// What the port holds now, bit for bit.
  virtual Tensor show() const { return theta; }
  virtual Gradient show_gradient() const { return gradient; }
  virtual void set_gradient(Gradient given) { gradient = std::move(given); }
  /// All encodings of the storage of a param with a layout, guards included.
  virtual std::optional<std::vector<std::uint64_t>> storage() const { return {}; }
};

/// Params of an optimizer, and the options in which they differ from the others.
struct Group {
  std::vector<Param*> params;  // they outlive the optimizer
  Options options;
};

/// What an optimizer holds of a param; nothing where it holds or shows nothing.
struct State {
  std::optional<Tensor> sum;
  std::optional<std::int64_t> t;
  std::optional<Tensor> master;  // claim `master-weights`, in binary32
};

/// Called, it sets the gradients that it brings and gives its loss; empty for none.
using Closure = std::function<double()>;

// -- what an adapter derives from -----------------------------------------------------

/// One optimizer of the port; a method for each thing that the port claims.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step with the gradients the params have; the loss, if the port gives it.
  virtual std::optional<double> step(const Closure& closure) = 0;

  virtual State state(const Param&) const { return {}; }
  virtual void set_state(Param&, const State&) { lacks(); }  // claim `state-write`
  /// One option of a group is chosen anew; groups count from 0.
  virtual void set_option(std::size_t, const Options&) { lacks(); }
  virtual void add_group(const Group&) { lacks(); }
  /// Gradients become none, or zeros where there are any.
  virtual void zero_grad(bool /* set_to_none */) { lacks(); }

  /// The state dict: any value.  `load` gets it itself, a copy, or one from bytes; a
  /// copy is the value's own, or what `copy` makes of it.
  virtual std::any save() { lacks(); }
  virtual void load(std::any&) { lacks(); }
  virtual std::any copy(const std::any& saved) { return saved; }
  virtual std::string to_bytes(const std::any& saved) {
    return std::any_cast<std::string>(saved);
  }
  virtual std::any from_bytes(const std::string& bytes) { return bytes; }

 private:
  [[noreturn]] static void lacks() {
    throw AdapterError("the adapter claims what it has no method for");
  }
};

/// Who a port is.
struct Identity {
  std::string name, version;
  std::vector<std::string> claims;
  std::string dialect = {};                      // empty: the document
  std::map<std::string, double> constants = {};  // what nobody can choose: not given
  std::string language = "C++";
};

/// The port: derive from it, then call serve().
class Port {
 public:
  virtual ~Port() = default;
  virtual Identity identity() const = 0;

  /// A new optimizer; it may keep pointers to the params.
  virtual std::unique_ptr<Optimizer> make(const std::vector<Group>&,
                                          const Options&) = 0;

  /// A new param of these bits.
  virtual std::unique_ptr<Param> hold(const std::string& name, const Tensor& tensor) {
    return std::make_unique<Param>(name, tensor);
  }

  /// Whether that error is the port saying no.
  virtual bool refuses(const std::exception& error) const {
    return dynamic_cast<const Refused*>(&error) != nullptr;
  }

  /// Answer the suite until it says stop; the exit code of main.
  int serve();
};

// -- JSON -----------------------------------------------------------------------------

/// A JSON value.  Numbers are whole here: all others are sent as bits.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json>;

  Json() = default;
  Json(bool x) : value(x) {}
  Json(std::int64_t x) : value(x) {}
  Json(int x) : value(std::int64_t{x}) {}
  Json(const char* x) : value(std::string(x)) {}
  Json(std::string x) : value(std::move(x)) {}
  Json(Array x) : value(std::move(x)) {}
  Json(Object x) : value(std::move(x)) {}

  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value);
  }
  template <class T>
  const T& as() const {
    if (const T* found = std::get_if<T>(&value)) return *found;
    throw AdapterError("a JSON value of another kind was expected");
  }
  bool is_null() const { return is<std::nullptr_t>(); }
  bool has(const std::string& key) const { return as<Object>().count(key) > 0; }
  const Json& operator[](const std::string& key) const {
    const auto found = as<Object>().find(key);
    if (found == as<Object>().end()) throw AdapterError("no key " + key);
    return found->second;
  }

  std::string text() const {
    std::string out;
    write(out);
    return out;
  }
  static Json parse(const std::string& text);

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::string, Array, Object> value;

  void write(std::string& out) const;
  static void write_string(const std::string& text, std::string& out);
};

inline void Json::write_string(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

inline void Json::write(std::string& out) const {
  const char* before = "";
  if (is_null()) {
    out += "null";
  } else if (is<bool>()) {
    out += as<bool>() ? "true" : "false";
  } else if (is<std::int64_t>()) {
    out += std::to_string(as<std::int64_t>());
  } else if (is<std::string>()) {
    write_string(as<std::string>(), out);
  } else if (is<Array>()) {
    out += '[';
    for (const Json& item : as<Array>()) {
      out += before;
      item.write(out);
      before = ",";
    }
    out += ']';
  } else {
    out += '{';
    for (const auto& [key, item] : as<Object>()) {
      out += before;
      write_string(key, out);
      out += ':';
      item.write(out);
      before = ",";
    }
    out += '}';
  }
}

/// Reads one JSON value; throws at what is none.
class JsonReader {
 public:
  explicit JsonReader(const std::string& its_text) : text(its_text) {}

  Json value() {
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return word("true", true);
      case 'f':
        return word("false", false);
      case 'n':
        return word("null", Json());
      default:
        return number();
    }
  }

 private:
  const std::string& text;
  std::size_t at = 0;

  [[noreturn]] void fail() const {
    throw AdapterError("no JSON at character " + std::to_string(at));
  }
  char peek() {
    while (at < text.size() && std::strchr(" \t\r\n", text[at]) != nullptr) at++;
    if (at == text.size()) fail();
    return text[at];
  }
  bool skip(char c) {
    if (peek() != c) return false;
    at++;
    return true;
  }
  void need(char c) {
    if (!skip(c)) fail();
  }

  Json word(const std::string& spelt, Json meaning) {
    if (text.compare(at, spelt.size(), spelt) != 0) fail();
    at += spelt.size();
    return meaning;
  }
  Json number() {
    std::size_t used = 0;
    std::int64_t whole = 0;
    try {
      whole = std::stoll(text.substr(at, 40), &used);
    } catch (const std::logic_error&) {
      fail();
    }
    at += used;
    while (at < text.size() && std::strchr(".eE+-0123456789", text[at])) at++;
    return whole;  // a fraction is for people
  }
  Json array() {
    Json::Array items;
    need('[');
    if (skip(']')) return items;
    do items.push_back(value());
    while (skip(','));
    need(']');
    return items;
  }
  Json object() {
    Json::Object items;
    need('{');
    if (skip('}')) return items;
    do {
      peek();
      const std::string key = string();
      need(':');
      items.emplace(key, value());
    } while (skip(','));
    need('}');
    return items;
  }
  std::string string() {
    std::string out;
    need('"');
    for (;;) {
      const std::size_t end = text.find_first_of("\"\\", at);
      if (end == std::string::npos) fail();
      out.append(text, at, end - at);
      at = end + 1;
      if (text[end] == '"') return out;
      escape(out);
    }
  }
  void escape(std::string& out) {
    static const std::string names = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    if (at == text.size()) fail();
    const char c = text[at++];
    if (c == 'u') return utf8(code_point(), out);
    const std::size_t which = names.find(c);
    if (which == std::string::npos) fail();
    out += meant[which];
  }
  std::uint32_t code_unit() {
    if (at + 4 > text.size()) fail();
    const std::string digits = text.substr(at, 4);
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) fail();
    at += 4;
    return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
  }
  std::uint32_t code_point() {
    const std::uint32_t high = code_unit();
    if (high < 0xd800 || high > 0xdbff || text.compare(at, 2, "\\u") != 0) return high;
    at += 2;
    return 0x10000 + ((high - 0xd800) << 10) + (code_unit() - 0xdc00);
  }
  static void utf8(std::uint32_t code, std::string& out) {
    const auto tail = [&](unsigned shift) {
      out += static_cast<char>(0x80 | (code >> shift & 0x3f));
    };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xf0 | code >> 18);
      tail(12);
      tail(6);
      tail(0);
    }
  }
};

inline Json Json::parse(const std::string& text) { return JsonReader(text).value(); }

// -- what stands on the wire ----------------------------------------------------------

inline std::string hex(std::uint64_t encoding, unsigned bits) {
  std::string digits(bits / 4, '0');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, encoding >>= 4) {
    *digit = "0123456789abcdef"[encoding & 15];
  }
  return digits;
}

inline std::string hex(const std::vector<std::uint64_t>& encodings, unsigned bits) {
  std::string digits;
  for (const std::uint64_t encoding : encodings) digits += hex(encoding, bits);
  return digits;
}

/// The encodings in one text, or in a list of texts.
inline std::vector<std::uint64_t> encodings(const Json& raw, unsigned bits) {
  std::string packed;
  if (raw.is<std::string>()) {
    packed = raw.as<std::string>();
  } else {
    for (const Json& item : raw.as<Json::Array>()) packed += item.as<std::string>();
  }
  std::vector<std::uint64_t> found;
  for (std::size_t at = 0; at < packed.size(); at += bits / 4) {
    found.push_back(std::stoull(packed.substr(at, bits / 4), nullptr, 16));
  }
  return found;
}

inline Json whole_numbers(const std::vector<std::int64_t>& numbers) {
  return Json::Array(numbers.begin(), numbers.end());
}

inline std::vector<std::int64_t> whole_numbers(const Json& raw) {
  std::vector<std::int64_t> found;
  for (const Json& x : raw.as<Json::Array>()) found.push_back(x.as<std::int64_t>());
  return found;
}

inline Json number_to_json(double x) {
  std::uint64_t encoding = 0;
  std::memcpy(&encoding, &x, sizeof x);
  return Json::Object{{"bits", hex(encoding, 64)}};
}

inline double number_from_json(const Json& raw) {
  const std::uint64_t encoding =
      std::stoull(raw["bits"].as<std::string>(), nullptr, 16);
  double x = 0;
  std::memcpy(&x, &encoding, sizeof x);
  return x;
}

inline Json tensor_to_json(const Tensor& tensor) {
  Json::Object raw{{"format", tensor.format}, {"shape", whole_numbers(tensor.shape)}};
  raw["bits"] = hex(tensor.bits, width(tensor.format));
  if (tensor.complex) raw["complex"] = true;
  return raw;
}

inline Tensor tensor_from_json(const Json& raw) {
  Tensor tensor;
  tensor.format = raw["format"].as<std::string>();
  tensor.shape = whole_numbers(raw["shape"]);
  tensor.bits = encodings(raw["bits"], width(tensor.format));
  tensor.complex = raw.has("complex") && raw["complex"].as<bool>();
  if (raw.has("layout") && !raw["layout"].is_null()) {
    const Json& layout = raw["layout"];
    tensor.layout.emplace();
    tensor.layout->length = layout["length"].as<std::int64_t>();
    tensor.layout->offset = layout["offset"].as<std::int64_t>();
    tensor.layout->strides = whole_numbers(layout["strides"]);
    tensor.layout->guard = std::stoull(layout["guard"].as<std::string>(), nullptr, 16);
  }
  return tensor;
}

inline Json gradient_to_json(const Gradient& gradient) {
  if (const auto* dense = std::get_if<Tensor>(&gradient)) return tensor_to_json(*dense);
  const auto* rows = std::get_if<Sparse>(&gradient);
  if (rows == nullptr) return {};
  return Json::Object{{"shape", whole_numbers(rows->shape)},
                      {"indices", whole_numbers(rows->indices)},
                      {"values", tensor_to_json(rows->values)}};
}

inline Gradient gradient_from_json(const Json& raw) {
  if (raw.is_null()) return {};
  if (!raw.has("indices")) return tensor_from_json(raw);
  return Sparse{whole_numbers(raw["shape"]), whole_numbers(raw["indices"]),
                tensor_from_json(raw["values"])};
}

/// Calls `use` with the name of each option and the option itself.
template <class SomeOptions, class Use>
void each_option(SomeOptions& options, Use use) {
  use("lr", options.lr);
  use("lr_decay", options.lr_decay);
  use("weight_decay", options.weight_decay);
  use("initial_accumulator_value", options.initial_accumulator_value);
  use("eps", options.eps);
  use("maximize", options.maximize);
}

inline void from_json(const Json& raw, std::optional<double>& to) {
  to = number_from_json(raw);
}
inline void from_json(const Json& raw, std::optional<bool>& to) { to = raw.as<bool>(); }
inline Json to_json(double x) { return number_to_json(x); }
inline Json to_json(bool x) { return x; }

inline Options options_from_json(const Json& raw) {
  Options options;
  each_option(options, [&](const char* name, auto& option) {
    if (raw.has(name)) from_json(raw[name], option);
  });
  return options;
}

inline Json options_to_json(const Options& options) {
  Json::Object raw;
  each_option(options, [&](const char* name, const auto& option) {
    if (option) raw[name] = to_json(*option);
  });
  return raw;
}

inline std::string base64(const std::string& bytes) {
  static const char* digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; i++) {
      const bool there = at + i < bytes.size();
      group = group << 8 | (there ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    }
    const std::size_t used = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 4; i++) {
      out += i <= used ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

inline std::string from_base64(const std::string& text) {
  static const std::string digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t group = 0;
  unsigned held = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string::npos) break;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) out += static_cast<char>(group >> (held -= 8) & 0xff);
  }
  return out;
}

// -- what the runner asks for ---------------------------------------------------------

/// Answers questions by calling a port.
class Server {
 public:
  explicit Server(Port& its_port)
      : port(its_port), constants(its_port.identity().constants) {
    out = fdopen(dup(1), "w");
    dup2(2, 1);  // what the port prints is no answer
  }
  ~Server() { std::fclose(out); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int run() {
    Json question;
    while (receive(question)) {
      const std::string& op = question["op"].as<std::string>();
      Json::Object message = op == "stop" ? ok(Json::Object{}) : answer(op, question);
      message["seq"] = question["seq"];
      send(message);
      if (op == "stop") break;
    }
    return 0;
  }

 private:
  /// An optimizer, and the names of its params.
  struct Member {
    std::unique_ptr<Optimizer> optimizer;
    std::vector<std::string> names;
  };
  struct Saved {
    std::any object, copy;
    std::string bytes;
  };

  Port& port;
  const std::map<std::string, double> constants;
  std::FILE* out;
  std::map<std::string, std::unique_ptr<Param>> params;  // outlive the optimizers
  std::map<std::string, Member> members;
  std::map<std::string, Saved> saves;

  static Json::Object ok(Json said) { return {{"ok", std::move(said)}}; }

  bool receive(Json& message) {
    std::string line;
    if (!std::getline(std::cin, line)) return false;
    message = Json::parse(line);
    return true;
  }
  void send(const Json& message) {
    const std::string line = message.text() + "\n";
    std::fwrite(line.data(), 1, line.size(), out);
    std::fflush(out);
  }

  Json::Object answer(const std::string& op, const Json& question) {
    try {
      if (op == "start") return ok(start());
      if (op == "begin") return ok(begin(question["tensors"]));
      if (op == "read") return ok(read(member(question["optimizer"])));
      if (op == "event") return event(question);
      return crash("unknown question " + op);
    } catch (const std::exception& error) {
      return crash(error.what());
    } catch (...) {
      return crash("an exception that is no std::exception");
    }
  }
  Json::Object event(const Json& question) {
    try {
      return ok(perform(question["event"], question));
    } catch (const std::exception& error) {
      const bool mistake = dynamic_cast<const AdapterError*>(&error) != nullptr;
      if (mistake || !port.refuses(error)) throw;
      return {{"refused", ascii(error.what())}};
    }
  }
  static Json::Object crash(const std::string& why) {
    return {{"crashed", ascii(why)}};
  }
  static std::string ascii(std::string text) {
    for (char& c : text) {
      if (static_cast<unsigned char>(c) > 0x7e) c = '?';
    }
    return text;
  }

  Json start() const {
    const Identity who = port.identity();
    Json::Object said{{"protocol", 1}, {"name", who.name}, {"version", who.version}};
    said["language"] = who.language;
    said["claims"] = Json::Array(who.claims.begin(), who.claims.end());
    said["takes"] = Json::Array{"ahead", "packed"};
    if (!who.dialect.empty()) said["dialect"] = who.dialect;
    Json::Object fixed;
    for (const auto& [name, x] : constants) fixed[name] = number_to_json(x);
    if (!fixed.empty()) said["constants"] = fixed;
    return said;
  }

  Json begin(const Json& tensors) {
    saves.clear();
    members.clear();
    params.clear();
    for (const auto& [name, raw] : tensors.as<Json::Object>()) {
      params[name] = port.hold(name, tensor_from_json(raw));
    }
    return Json::Object{};
  }

  Member& member(const Json& name) { return members.at(name.as<std::string>()); }
  Param& param(const Json& name) { return *params.at(name.as<std::string>()); }

  Json read(const Member& of) {
    Json::Object shown;
    for (const std::string& name : of.names) {
      const Param& held = *params.at(name);
      const State state = of.optimizer->state(held);
      Json::Object raw{{"theta", tensor_to_json(held.show())}};
      raw["gradient"] = gradient_to_json(held.show_gradient());
      raw["sum"] = state.sum ? tensor_to_json(*state.sum) : Json();
      raw["t"] = state.t ? Json(*state.t) : Json();
      if (state.master) raw["master"] = tensor_to_json(*state.master);
      if (const auto all = held.storage()) raw["storage"] = hex(*all, bits_of(held));
      shown[name] = raw;
    }
    return Json::Object{{"params", shown}};
  }
  static unsigned bits_of(const Param& held) { return width(held.show().format); }

  Json perform(const Json& event, const Json& question) {
    const std::string& what = event["do"].as<std::string>();
    if (what == "new") return make(event);
    Member& of = member(event["optimizer"]);
    Optimizer& optimizer = *of.optimizer;
    if (what == "step") return step(optimizer, event, question);
    if (what == "steps") return steps(of, event);
    if (what == "save") return save(optimizer, event);
    if (what == "set-option") {
      const std::string& option = event["option"].as<std::string>();
      const auto group = event["group"].as<std::int64_t>();
      if (constants.count(option) == 0) {
        const Options one = options_from_json(Json::Object{{option, event["value"]}});
        optimizer.set_option(static_cast<std::size_t>(group), one);
      }
    } else if (what == "add-group") {
      optimizer.add_group(group(event["group"]));
      remember(of, event["group"]);
    } else if (what == "zero-grad") {
      optimizer.zero_grad(event["set_to_none"].as<bool>());
    } else if (what == "set-state") {
      const std::int64_t t = event["t"].as<std::int64_t>();
      const State written{tensor_from_json(event["sum"]), t, {}};
      optimizer.set_state(param(event["param"]), written);
    } else if (what == "state-dict") {
      optimizer.save();
    } else if (what == "load") {
      load(optimizer, event, question);
    } else {
      throw AdapterError("unknown event " + what);
    }
    return Json::Object{};
  }

  Json make(const Json& event) {
    std::vector<Group> groups;
    Member made;
    for (const Json& raw : event["groups"].as<Json::Array>()) {
      groups.push_back(group(raw));
      remember(made, raw);
    }
    made.optimizer = port.make(groups, chosen(event["options"]));
    members[event["optimizer"].as<std::string>()] = std::move(made);
    return Json::Object{};
  }
  /// What was chosen, without the port's constants.
  Options chosen(const Json& raw) const {
    Options options = options_from_json(raw);
    each_option(options, [this](const char* name, auto& option) {
      if (constants.count(name) > 0) option.reset();
    });
    return options;
  }
  Group group(const Json& raw) {
    Group made;
    made.options = chosen(raw["options"]);
    for (const Json& name : raw["params"].as<Json::Array>()) {
      made.params.push_back(&param(name));
    }
    return made;
  }
  static void remember(Member& of, const Json& group) {
    for (const Json& name : group["params"].as<Json::Array>()) {
      of.names.push_back(name.as<std::string>());
    }
  }

  void set_gradients(const Json& gradients) {
    for (const auto& [name, raw] : gradients.as<Json::Object>()) {
      param(name).set_gradient(gradient_from_json(raw));
    }
  }
  Json step(Optimizer& optimizer, const Json& event, const Json& question) {
    set_gradients(event["gradients"]);
    Closure closure;
    if (event.has("closure") && event["closure"].as<bool>()) {
      closure = [this, &question] { return ask(question["seq"]); };
    }
    const std::optional<double> loss = optimizer.step(closure);
    if (!loss) return Json::Object{};
    return Json::Object{{"loss", number_to_json(*loss)}};
  }
  double ask(const Json& seq) {
    Json::Object seen;
    for (const auto& [name, held] : params) seen[name] = tensor_to_json(held->show());
    send(Json::Object{{"seq", seq}, {"ask", "closure"}, {"params", seen}});
    Json reply;
    if (!receive(reply)) throw AdapterError("the closure was not answered");
    set_gradients(reply["answer"]["gradients"]);
    return number_from_json(reply["answer"]["loss"]);
  }

  /// One param over many steps.
  struct Trace {
    std::string format, theta, sum;
    Json::Array t;
    bool counts = true;
  };
  Json steps(const Member& of, const Json& event) {
    const auto& cycle = event["cycle"].as<Json::Array>();
    const auto count = static_cast<std::size_t>(event["count"].as<std::int64_t>());
    std::map<std::string, Trace> traces;
    for (std::size_t i = 0; i < count; i++) {
      set_gradients(cycle[i % cycle.size()]);
      of.optimizer->step({});
      for (const std::string& name : of.names) {
        const Param& held = *params.at(name);
        follow(traces[name], held, of.optimizer->state(held));
      }
    }
    Json::Object shown;
    for (const auto& [name, trace] : traces) {
      const Json t = trace.counts ? Json(trace.t) : Json();
      shown[name] = Json::Object{{"format", trace.format},
                                 {"theta", trace.theta},
                                 {"sum", trace.sum},
                                 {"t", t}};
    }
    return Json::Object{{"trace", shown}};
  }
  static void follow(Trace& trace, const Param& held, const State& state) {
    if (!state.sum) throw AdapterError("no accumulator in the midst of a run");
    const Tensor theta = state.master ? *state.master : held.show();
    trace.format = theta.format;
    trace.theta += hex(theta.bits, width(theta.format));
    trace.sum += hex(state.sum->bits, width(state.sum->format));
    trace.counts = trace.counts && state.t;
    if (state.t) trace.t.push_back(*state.t);
  }

  Json save(Optimizer& optimizer, const Json& event) {
    Saved kept;
    kept.object = optimizer.save();
    kept.copy = optimizer.copy(kept.object);
    kept.bytes = optimizer.to_bytes(kept.object);
    const Json saved = base64(kept.bytes);
    saves[event["name"].as<std::string>()] = std::move(kept);
    return Json::Object{{"saved", saved}};
  }
  void load(Optimizer& optimizer, const Json& event, const Json& question) {
    const std::string& via = event["via"].as<std::string>();
    if (question.has("payload")) {
      std::any given =
          optimizer.from_bytes(from_base64(question["payload"].as<std::string>()));
      return optimizer.load(given);
    }
    Saved& kept = saves.at(event["name"].as<std::string>());
    if (via == "same-object") return optimizer.load(kept.object);
    std::any given = via == "deepcopy" ? optimizer.copy(kept.copy)
                                       : optimizer.from_bytes(kept.bytes);
    optimizer.load(given);
  }
};

inline int Port::serve() { return Server(*this).run(); }

}  // namespace adagrad_port

#endif
