// ens::AdaGrad of ensmallen, on matrices of Armadillo.
//
// Documented (doc/optimizers.md): stepSize and epsilon, and that attributes are changed
// by member methods; with resetPolicy false, what the policy holds is kept from one
// Optimize to the next.  So a step is an Optimize of one iteration, over a function that
// has the gradient at hand.  An optimizer works on one matrix: each param has its own.
// The type of the gradient is an argument of the template Optimize, and what the policy
// holds is of that type: the first gradient decides whether a param's are dense or
// sparse, and all others are written as matrices of that type.
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

/// A param, its optimizer, and the type of its gradients once there was one.
struct Place {
  port::Param* param;
  std::unique_ptr<ens::AdaGrad> optimizer;
  std::optional<bool> sparse;
};

/// One step of a param in a format, by a gradient that is written as a `Slope`.
template <class Number, class Slope>
void move(Place& place) {
  using Matrix = arma::Mat<Number>;
  Matrix theta = to_matrix<Number>(place.param->theta);
  const Slope slope = std::visit(
      [](const auto& given) -> Slope {
        if constexpr (std::is_same_v<std::decay_t<decltype(given)>, std::monostate>) {
          return {};  // never: a param without a gradient is left out
        } else {
          return Slope(to_matrix<Number>(given));
        }
      },
      place.param->gradient);
  Given<Matrix, Slope> function{slope};
  place.optimizer->Optimize<decltype(function), Matrix, Slope>(function, theta);
  const Matrix along_rows = theta.st();
  place.param->theta = place.param->theta.with(along_rows.memptr());
}

template <class Number>
void move(Place& place) {
  if (!place.sparse) {
    place.sparse = std::holds_alternative<port::Sparse>(place.param->gradient);
  }
  if (*place.sparse) {
    move<Number, arma::SpMat<Number>>(place);
  } else {
    move<Number, arma::Mat<Number>>(place);
  }
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
        each.push_back({param, std::move(made), {}});
      }
    }
  }

  std::optional<double> step(const port::Closure&) override {
    for (Place& place : each) {
      if (std::holds_alternative<std::monostate>(place.param->gradient)) continue;
      if (place.param->theta.format == "binary64") {
        move<double>(place);
      } else {
        move<float>(place);
      }
    }
    return {};
  }

  void set_option(std::size_t, const port::Options& chosen) override {
    for (Place& place : each) choose(*place.optimizer, chosen);
  }

 private:
  std::vector<Place> each;
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
