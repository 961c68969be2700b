// With the torch package of Python (pip install torch==2.13.0):
//   TORCH=$(python -c 'import torch; print(torch.__path__[0])')
//   FLAGS="-I$TORCH/include -I$TORCH/include/torch/csrc/api/include"
//   FLAGS="$FLAGS -L$TORCH/lib -Wl,-rpath,$TORCH/lib"
//   FLAGS="$FLAGS -ltorch -ltorch_cpu -lc10"
//   g++ -std=c++20 THIS_FILE.cpp $FLAGS && ./a.out
#include <torch/torch.h>
#include <iostream>

using namespace torch::optim;

int main() {
  auto p = torch::tensor({1.0}, torch::kFloat32).requires_grad_();
  Adagrad optimizer({p}, AdagradOptions().lr(1.0).eps(0.5));
  p.mutable_grad() = torch::tensor({3.000000104103097e+19}, torch::kFloat32);
  optimizer.step();
  const auto seen = p.reshape(-1)[0].item<double>();
  std::cerr.precision(17);
  if (!(seen != 1.0)) {
    std::cerr << "p[0] = " << seen << ", due another number" << '\n';
    return 1;
  }
}
