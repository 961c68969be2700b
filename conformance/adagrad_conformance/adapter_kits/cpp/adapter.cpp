// Puts a port of Adagrad before the conformance suite.  It works as it stands;
// README.md says how to build and run it.  To make it yours:
//
// 1. Replace the toy port by an include of your own.
// 2. Say in the adapter how yours is called.  It only translates: what your port does
//    not do, do not do for it.
// 3. Claim what your port can do and no more.  A method whose claim goes may go too.

#include <cmath>

#include "adagrad_port.hpp"

using namespace adagrad_port;

// -- the port: a toy, to be replaced by yours -----------------------------------------

struct ToyState {
  Tensor sum;
  std::int64_t t;
};

class ToyAdagrad {
 public:
  std::vector<Group> groups;
  std::map<std::string, ToyState> states;  // by the param's name

  explicit ToyAdagrad(Options options) : defaults(std::move(options)) {}

  void add(Group group) {
    Options options = defaults;
    options.choose(group.options);
    group.options = options;
    const double first = options.initial_accumulator_value.value_or(0);
    for (const Param* p : group.params) {
      const std::vector<double> sum(p->theta.bits.size(), first);
      states[p->name] = {p->theta.with_numbers(sum), 0};
    }
    groups.push_back(group);
  }

  void step() {
    for (const Group& group : groups) {
      for (Param* p : group.params) {
        const auto* g = std::get_if<Tensor>(&p->gradient);
        if (g == nullptr) continue;
        ToyState& state = states.at(p->name);
        state.t += 1;
        std::vector<double> theta = p->theta.numbers(), sum = state.sum.numbers();
        move(theta, g->numbers(), sum, state.t, group.options);
        p->theta = p->theta.with_numbers(theta);
        state.sum = state.sum.with_numbers(sum);
      }
    }
  }

  std::string saved() const {
    Json::Object all;
    for (const auto& [name, state] : states) {
      all[name] = Json::Object{{"sum", tensor_to_json(state.sum)}, {"t", state.t}};
    }
    Json::Array options;
    for (const Group& group : groups) options.push_back(options_to_json(group.options));
    return Json(Json::Object{{"states", all}, {"options", options}}).text();
  }

  void load(const std::string& text) {
    const Json saved = Json::parse(text);
    for (const auto& [name, raw] : saved["states"].as<Json::Object>()) {
      states[name] = {tensor_from_json(raw["sum"]), raw["t"].as<std::int64_t>()};
    }
    for (std::size_t i = 0; i < groups.size(); i++) {
      groups[i].options = options_from_json(saved["options"].as<Json::Array>().at(i));
    }
  }

 private:
  Options defaults;

  static void move(std::vector<double>& theta, const std::vector<double>& grad,
                   std::vector<double>& sum, std::int64_t t, const Options& options) {
    const double decay = options.lr_decay.value_or(0);
    const double eps = options.eps.value_or(1e-10);
    const double weight_decay = options.weight_decay.value_or(0);
    const double steps_before = static_cast<double>(t - 1);
    const double rate = options.lr.value_or(0.01) / (1 + steps_before * decay);
    for (std::size_t i = 0; i < theta.size(); i++) {
      double g = options.maximize.value_or(false) ? -grad[i] : grad[i];
      if (weight_decay != 0) g += weight_decay * theta[i];
      sum[i] += g * g;
      theta[i] -= rate * g / (std::sqrt(sum[i]) + eps);
    }
  }
};

// -- the adapter: your lines ----------------------------------------------------------

class MyOptimizer : public Optimizer {
 public:
  MyOptimizer(const std::vector<Group>& groups, const Options& chosen) : port(chosen) {
    for (const Group& group : groups) port.add(group);
  }
  std::optional<double> step(const Closure& closure) override {
    const auto loss = closure ? std::optional(closure()) : std::nullopt;
    port.step();
    return loss;
  }
  State state(const Param& p) const override {
    return {port.states.at(p.name).sum, port.states.at(p.name).t, {}};
  }
  void set_state(Param& p, const State& state) override {
    port.states[p.name] = {*state.sum, *state.t};
  }
  void set_option(std::size_t group, const Options& chosen) override {
    port.groups.at(group).options.choose(chosen);
  }
  void add_group(const Group& group) override { port.add(group); }
  std::any save() override { return port.saved(); }
  void load(std::any& saved) override { port.load(std::any_cast<std::string>(saved)); }

 private:
  ToyAdagrad port;
};

class MyPort : public Port {
  Identity identity() const override {
    return {"my-adagrad", "1", {
        "binary64", "binary32", "mixed-formats", "defaults", "set-option", "lr-decay",
        "weight-decay", "initial-accumulator-value", "eps", "maximize", "zero-lr",
        "zero-eps", "zero-accumulator", "state", "state-write", "many-steps",
        "gradients", "none-gradient", "closure", "groups", "add-group", "save",
        "load-same-object", "load-deepcopy", "load-bytes", "load-new-process"}};
  }
  std::unique_ptr<Optimizer> make(const std::vector<Group>& groups,
                                  const Options& options) override {
    return std::make_unique<MyOptimizer>(groups, options);
  }
};

int main() { return MyPort().serve(); }
