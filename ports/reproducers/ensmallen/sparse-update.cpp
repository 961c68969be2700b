// With the headers of ensmallen (apt-get install libensmallen-dev):
//   g++ -std=c++20 THIS_FILE.cpp && ./a.out
#include <ensmallen.hpp>
#include <iostream>

// A function of one term, which has its gradient at hand.
template <class Matrix, class Gradients>
struct Given {
  const Gradients& given;
  size_t NumFunctions() { return 1; }
  void Shuffle() {}
  typename Matrix::elem_type Evaluate(const Matrix&, size_t, size_t) {
    return 0;
  }
  void Gradient(const Matrix&, size_t, Gradients& gradient, size_t) {
    gradient = given;
  }
};

template <class Matrix, class Gradients>
void step(ens::AdaGrad& optimizer, Matrix& theta, const Gradients& given) {
  Given<Matrix, Gradients> function{given};
  optimizer.Optimize<decltype(function), Matrix, Gradients>(function, theta);
}

int main() {
  auto p = arma::fmat(arma::fvec{1.0});
  ens::AdaGrad optimizer;
  optimizer.BatchSize() = 1;
  optimizer.MaxIterations() = 1;
  optimizer.ResetPolicy() = false;
  optimizer.StepSize() = 1.0;
  optimizer.Epsilon() = 0.5;
  step(optimizer, p, arma::fmat(arma::fvec{2.0}));
  step(optimizer, p, arma::sp_fmat(true, arma::uvec{0, 0}, arma::fvec{2.0}, 1, 1));
  const auto seen = p[0];
  std::cerr.precision(17);
  if (!(-0.4008845090866089 <= seen && seen <= -0.4008843004703522)) {
    std::cerr << "p[0] = " << seen << ", due -0.4008845090866089 .. -0.4008843004703522" << '\n';
    return 1;
  }
}
