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
  auto p = torch::tensor({1.0}, torch::kFloat16).requires_grad_();
  Adagrad optimizer({p});
  p.mutable_grad() = torch::tensor({0.0}, torch::kFloat16);
  optimizer.step();
  const auto seen = p.reshape(-1)[0].item<double>();
  std::cerr.precision(17);
  if (!(-65504.0 <= seen && seen <= 65504.0)) {
    std::cerr << "p[0] = " << seen << ", due -65504.0 .. 65504.0" << '\n';
    return 1;
  }
}
