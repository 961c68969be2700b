// torch::optim::Adagrad, the C++ frontend's, as the wheel of torch brings it.
//
// It has no maximize.  Params are tensors that require gradients, views into a larger
// storage where a layout says so; a state is a serialized archive.

#include <c10/util/Logging.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <sstream>

#include "../../adapter_kits/cpp/adagrad_port.hpp"

namespace port = adagrad_port;

namespace {

torch::Dtype dtype_of(const std::string& format) {
  if (format == "binary64") return torch::kFloat64;
  if (format == "binary32") return torch::kFloat32;
  return format == "bfloat16" ? torch::kBFloat16 : torch::kFloat16;
}

/// A row of values with these encodings.
torch::Tensor flat(const std::string& format, const std::vector<std::uint64_t>& bits) {
  const auto made = torch::empty({static_cast<std::int64_t>(bits.size())}, dtype_of(format));
  const std::size_t bytes = port::width(format) / 8;
  auto* place = static_cast<char*>(made.data_ptr());
  for (std::size_t i = 0; i < bits.size(); i++) {
    std::memcpy(place + i * bytes, &bits[i], bytes);
  }
  return made;
}

std::vector<std::uint64_t> bits_of(const torch::Tensor& tensor) {
  const auto row = tensor.detach().contiguous();
  const std::size_t bytes = row.element_size();
  std::vector<std::uint64_t> bits(row.numel(), 0);
  const auto* place = static_cast<const char*>(row.data_ptr());
  for (std::size_t i = 0; i < bits.size(); i++) {
    std::memcpy(&bits[i], place + i * bytes, bytes);
  }
  return bits;
}

/// Tensors of their own for autograd, not views: so are gradients that it makes.
torch::Tensor to_torch(const port::Tensor& given) {
  const at::AutoDispatchBelowADInplaceOrView untracked;
  if (!given.layout) return flat(given.format, given.bits).reshape(given.shape);
  const port::Layout& layout = *given.layout;
  const auto numbered = torch::arange(layout.length, torch::kInt64);
  const auto places = numbered.as_strided(given.shape, layout.strides, layout.offset)
                          .contiguous();
  std::vector<std::uint64_t> storage(layout.length, layout.guard);
  for (std::size_t i = 0; i < given.bits.size(); i++) {
    storage.at(places.data_ptr<std::int64_t>()[i]) = given.bits[i];
  }
  return flat(given.format, storage)
      .as_strided(given.shape, layout.strides, layout.offset);
}

port::Tensor to_port(const torch::Tensor& tensor) {
  static const std::map<torch::Dtype, std::string> names = {
      {torch::kFloat64, "binary64"}, {torch::kFloat32, "binary32"},
      {torch::kBFloat16, "bfloat16"}, {torch::kFloat16, "binary16"}};
  return {names.at(tensor.scalar_type()), tensor.sizes().vec(), bits_of(tensor), false, {}};
}

class TorchParam : public port::Param {
 public:
  TorchParam(const std::string& name, const port::Tensor& given)
      : Param(name, given), tensor(to_torch(given)) {
    tensor.requires_grad_();
  }

  torch::Tensor tensor;

  port::Tensor show() const override { return to_port(tensor); }

  port::Gradient show_gradient() const override {
    const auto& grad = tensor.grad();
    if (!grad.defined()) return {};
    if (!grad.is_sparse()) return to_port(grad);
    const auto row = grad._indices()[0].contiguous();
    const auto* first = row.data_ptr<std::int64_t>();
    return port::Sparse{grad.sizes().vec(), {first, first + row.numel()},
                        to_port(grad._values())};
  }

  void set_gradient(port::Gradient given) override {
    torch::Tensor grad;
    if (const auto* dense = std::get_if<port::Tensor>(&given)) grad = to_torch(*dense);
    if (const auto* rows = std::get_if<port::Sparse>(&given)) {
      const auto indices = torch::tensor(rows->indices, torch::kInt64).unsqueeze(0);
      grad = torch::sparse_coo_tensor(indices, to_torch(rows->values), rows->shape);
    }
    tensor.mutable_grad() = grad;
  }

  std::optional<std::vector<std::uint64_t>> storage() const override {
    if (!theta.layout) return {};
    return bits_of(tensor.detach().as_strided({theta.layout->length}, {1}, 0));
  }
};

void choose(torch::optim::AdagradOptions& mine, const port::Options& given) {
  if (given.lr) mine.lr(*given.lr);
  if (given.lr_decay) mine.lr_decay(*given.lr_decay);
  if (given.weight_decay) mine.weight_decay(*given.weight_decay);
  if (given.eps) mine.eps(*given.eps);
  if (given.initial_accumulator_value) {
    mine.initial_accumulator_value(*given.initial_accumulator_value);
  }
}

TorchParam& own(const port::Param& param) {
  return const_cast<TorchParam&>(dynamic_cast<const TorchParam&>(param));
}

/// Options that are not chosen are those of the constructor.
torch::optim::OptimizerParamGroup to_group(const port::Group& group,
                                           const torch::optim::AdagradOptions& defaults) {
  std::vector<torch::Tensor> params;
  for (const port::Param* param : group.params) params.push_back(own(*param).tensor);
  auto options = std::make_unique<torch::optim::AdagradOptions>(defaults);
  choose(*options, group.options);
  return {params, std::move(options)};
}

class Adagrad : public port::Optimizer {
 public:
  Adagrad(const std::vector<port::Group>& groups, const port::Options& chosen) {
    choose(defaults, chosen);
    std::vector<torch::optim::OptimizerParamGroup> made;
    for (const port::Group& group : groups) made.push_back(to_group(group, defaults));
    optimizer = std::make_unique<torch::optim::Adagrad>(made, defaults);
  }

  std::optional<double> step(const port::Closure& closure) override {
    if (!closure) {
      optimizer->step();
      return {};
    }
    const auto loss = optimizer->step(
        [&] { return torch::tensor(closure(), torch::kFloat64); });
    return loss.defined() ? std::optional(loss.item<double>()) : std::nullopt;
  }

  port::State state(const port::Param& param) const override {
    const auto& states = optimizer->state();
    const auto found = states.find(own(param).tensor.unsafeGetTensorImpl());
    if (found == states.end()) return {};
    const auto& state =
        static_cast<const torch::optim::AdagradParamState&>(*found->second);
    return {to_port(state.sum()), state.step(), {}};
  }

  void set_state(port::Param& param, const port::State& given) override {
    auto state = std::make_unique<torch::optim::AdagradParamState>();
    state->sum(to_torch(*given.sum));
    state->step(*given.t);
    optimizer->state()[own(param).tensor.unsafeGetTensorImpl()] = std::move(state);
  }

  void set_option(std::size_t group, const port::Options& chosen) override {
    auto& options = optimizer->param_groups().at(group).options();
    choose(static_cast<torch::optim::AdagradOptions&>(options), chosen);
  }

  void add_group(const port::Group& group) override {
    optimizer->add_param_group(to_group(group, defaults));
  }

  void zero_grad(bool set_to_none) override { optimizer->zero_grad(set_to_none); }

  std::any save() override {
    torch::serialize::OutputArchive archive;
    optimizer->save(archive);
    std::ostringstream stream;
    archive.save_to(stream);
    return stream.str();
  }

  void load(std::any& saved) override {
    std::istringstream stream(std::any_cast<std::string>(saved));
    torch::serialize::InputArchive archive;
    archive.load_from(stream);
    optimizer->load(archive);
  }

 private:
  torch::optim::AdagradOptions defaults;
  std::unique_ptr<torch::optim::Adagrad> optimizer;
};

class LibTorch : public port::Port {
  port::Identity identity() const override {
    return {"libtorch", TORCH_VERSION, {
        "binary64", "binary32", "bfloat16", "binary16", "mixed-formats", "sparse",
        "layout", "defaults", "refusals", "set-option", "lr-decay", "weight-decay",
        "initial-accumulator-value", "eps", "zero-lr", "zero-eps", "zero-accumulator",
        "state", "state-write", "many-steps", "gradients", "none-gradient",
        "zero-grad", "closure", "groups", "add-group", "save", "load-same-object",
        "load-deepcopy", "load-bytes", "load-new-process"}};
  }
  std::unique_ptr<port::Optimizer> make(const std::vector<port::Group>& groups,
                                        const port::Options& options) override {
    return std::make_unique<Adagrad>(groups, options);
  }
  std::unique_ptr<port::Param> hold(const std::string& name,
                                    const port::Tensor& tensor) override {
    return std::make_unique<TorchParam>(name, tensor);
  }
  bool refuses(const std::exception& error) const override {
    return dynamic_cast<const c10::Error*>(&error) != nullptr;
  }
};

}  // namespace

int main() {
  at::set_num_threads(1);
  c10::SetStackTraceFetcher([] { return std::string(); });  // no addresses in messages
  return LibTorch().serve();
}
