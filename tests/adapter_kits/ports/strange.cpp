// What a toy does not show of the kit; test_kits.py says what is expected.
#include <iostream>
#include <stdexcept>

#include "adagrad_port.hpp"

using namespace adagrad_port;

// A view into a storage of its own.
class View : public Param {
 public:
  View(const std::string& its_name, const Tensor& tensor) : Param(its_name, tensor) {
    const Layout& layout = *tensor.layout;
    all.assign(static_cast<std::size_t>(layout.length), layout.guard);
    for (std::size_t i = 0; i < tensor.bits.size(); i++) at(i) = tensor.bits[i];
  }
  Tensor show() const override {
    Tensor shown = theta;
    for (std::size_t i = 0; i < shown.bits.size(); i++) {
      shown.bits[i] = const_cast<View*>(this)->at(i);
    }
    return shown;
  }
  std::optional<std::vector<std::uint64_t>> storage() const override { return all; }

 private:
  std::vector<std::uint64_t> all;
  std::uint64_t& at(std::size_t i) {
    const Layout& layout = *theta.layout;
    const auto place = layout.offset + layout.strides.at(0) * static_cast<std::int64_t>(i);
    return all.at(static_cast<std::size_t>(place));
  }
};

class Strange : public Optimizer {
 public:
  std::vector<Group> groups;
  double lr = 0;

  std::optional<double> step(const Closure&) override {
    std::cout << "noise" << std::endl;
    if (lr == 13) throw std::logic_error("thirteen");
    return {};
  }
  State state(const Param& p) const override {
    if (p.theta.format != "binary16") return {};
    const Tensor wide{"binary32", p.theta.shape, {0x3f800000}, false, {}};
    return {wide, 3, wide};
  }
  void set_option(std::size_t, const Options& chosen) override {
    if (chosen.eps) throw std::logic_error("eps was given");
    lr = chosen.lr.value();
  }
  void zero_grad(bool set_to_none) override {
    for (Param* p : groups.at(0).params) {
      auto* dense = std::get_if<Tensor>(&p->gradient);
      if (set_to_none) p->gradient = {};
      else if (dense) *dense = dense->with(std::vector<double>(dense->bits.size()));
    }
  }
  std::any save() override { return groups.at(0).params.at(0)->name; }
  void load(std::any& saved) override {
    throw std::invalid_argument(std::any_cast<std::string>(saved));
  }
};

class MyPort : public Port {
  Identity identity() const override {
    return {"strange", "7",
            {"binary64", "binary16", "eps", "zero-grad", "save", "load-bytes", "set-option",
             "sparse", "complex", "layout", "state", "master-weights"},
            "tfjs", {{"eps", 1e-7}}};
  }
  std::unique_ptr<Optimizer> make(const std::vector<Group>& groups,
                                  const Options& options) override {
    if (options.eps) throw std::logic_error("eps was given");
    if (options.lr < 0.0) throw std::invalid_argument("lr is negative");
    if (options.lr == 0.0) throw Refused("lr is zero");
    auto made = std::make_unique<Strange>();
    made->groups = groups;
    made->lr = options.lr.value();
    return made;
  }
  std::unique_ptr<Param> hold(const std::string& name, const Tensor& tensor) override {
    if (tensor.layout) return std::make_unique<View>(name, tensor);
    return Port::hold(name, tensor);
  }
  bool refuses(const std::exception& error) const override {
    return Port::refuses(error) || dynamic_cast<const std::invalid_argument*>(&error);
  }
};

int main() { return MyPort().serve(); }
