// ens::AdaGrad of ensmallen, on matrices of Armadillo.
//
// Documented (doc/optimizers.md): stepSize and epsilon, and that attributes are changed
// by member methods; with resetPolicy false, what the policy holds is kept from one
// Optimize to the next.  So a step is an Optimize of one iteration, over a function that
// has the gradient at hand.  An optimizer works on one matrix: each param has its own.
// The sums of squares cannot be seen, nor written or saved.

#include <ensmallen.hpp>

#include "../../adapter_kits/cpp/adagrad_port.hpp"

namespace port = adagrad_port;

namespace {

/// A function of one term: its gradient is given, its value nobody asks for.
template <class Matrix, class Slope>
struct Given {
  const Slope& gradient;

  using Number = typename Matrix::elem_type;

  std::size_t NumFunctions() { return 1; }
  void Shuffle() {}
  Number Evaluate(const Matrix&, std::size_t, std::size_t) { return 0; }
  void Gradient(const Matrix&, std::size_t, Slope& slope, std::size_t) {
    slope = gradient;
  }
};

/// Elements of one index of the first dimension: they are a row.
arma::uword width(const std::vector<std::int64_t>& shape) {
  arma::uword product = 1;
  for (std::size_t i = 1; i < shape.size(); i++) product *= shape[i];
  return product;
}

/// Armadillo goes down the columns first.
template <class Number>
arma::Mat<Number> to_matrix(const port::Tensor& given) {
  const arma::uword rows = given.shape.empty() ? 1 : given.shape[0];
  const std::vector<Number> values = given.values<Number>();
  return arma::Mat<Number>(values.data(), width(given.shape), rows).st();
}

template <class Number>
arma::SpMat<Number> to_matrix(const port::Sparse& given) {
  const std::vector<Number> values = given.values.values<Number>();
  const arma::uword columns = width(given.shape);
  arma::umat places(2, values.size());
  for (arma::uword i = 0; i < values.size(); i++) {
    places(0, i) = given.indices[i / columns];
    places(1, i) = i % columns;
  }
  const bool add = true;  // what has the same place
  const arma::uword rows = given.shape.at(0);
  return {add, places, arma::Col<Number>(values), rows, columns};
}

void choose(ens::AdaGrad& optimizer, const port::Options& given) {
  if (given.lr) optimizer.StepSize() = *given.lr;
  if (given.eps) optimizer.Epsilon() = *given.eps;
}

/// One step of a param in a format, by a dense gradient or a sparse one.
template <class Number>
void move(ens::AdaGrad& optimizer, port::Param& param) {
  using Matrix = arma::Mat<Number>;
  using Rows = arma::SpMat<Number>;
  Matrix theta = to_matrix<Number>(param.theta);
  if (const auto* dense = std::get_if<port::Tensor>(&param.gradient)) {
    const Matrix slope = to_matrix<Number>(*dense);
    Given<Matrix, Matrix> function{slope};
    optimizer.Optimize(function, theta);
  } else {
    const Rows slope = to_matrix<Number>(std::get<port::Sparse>(param.gradient));
    Given<Matrix, Rows> function{slope};
    optimizer.Optimize<decltype(function), Matrix, Rows>(function, theta);
  }
  const Matrix along_rows = theta.st();
  param.theta = param.theta.with(along_rows.memptr());
}

class AdaGrads : public port::Optimizer {
 public:
  AdaGrads(const std::vector<port::Group>& groups, const port::Options& chosen) {
    for (const port::Group& group : groups) {
      for (port::Param* param : group.params) {
        auto made = std::make_unique<ens::AdaGrad>();
        made->BatchSize() = 1;
        made->MaxIterations() = 1;
        made->ResetPolicy() = false;
        choose(*made, chosen);
        choose(*made, group.options);
        each.emplace_back(param, std::move(made));
      }
    }
  }

  std::optional<double> step(const port::Closure&) override {
    for (auto& [param, optimizer] : each) {
      if (std::holds_alternative<std::monostate>(param->gradient)) continue;
      if (param->theta.format == "binary64") {
        move<double>(*optimizer, *param);
      } else {
        move<float>(*optimizer, *param);
      }
    }
    return {};
  }

  void set_option(std::size_t, const port::Options& chosen) override {
    for (auto& [param, optimizer] : each) choose(*optimizer, chosen);
  }

 private:
  std::vector<std::pair<port::Param*, std::unique_ptr<ens::AdaGrad>>> each;
};

class Ensmallen : public port::Port {
  port::Identity identity() const override {
    const std::string version = std::to_string(ENS_VERSION_MAJOR) + "." +
                                std::to_string(ENS_VERSION_MINOR) + "." +
                                std::to_string(ENS_VERSION_PATCH);
    return {.name = "ensmallen", .version = version,
            .claims = {"binary64", "binary32", "sparse", "eps",
                       "zero-eps", "zero-lr", "set-option", "none-gradient"},
            .constants = {{"lr_decay", 0.0}, {"weight_decay", 0.0},
                          {"initial_accumulator_value", 0.0}},
            .language = "C++ (Armadillo)"};
  }
  std::unique_ptr<port::Optimizer> make(const std::vector<port::Group>& groups,
                                        const port::Options& options) override {
    return std::make_unique<AdaGrads>(groups, options);
  }
};

}  // namespace

int main() { return Ensmallen().serve(); }
