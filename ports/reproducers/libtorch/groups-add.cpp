// With the torch package of Python (pip install torch==2.13.0):
//   TORCH=$(python -c 'import torch; print(torch.__path__[0])')
//   FLAGS="-I$TORCH/include -I$TORCH/include/torch/csrc/api/include"
//   FLAGS="$FLAGS -L$TORCH/lib -Wl,-rpath,$TORCH/lib"
//   FLAGS="$FLAGS -ltorch -ltorch_cpu -lc10"
//   g++ -std=c++20 THIS_FILE.cpp $FLAGS && ./a.out
#include <torch/torch.h>
#include <iostream>

using namespace torch::optim;

int main() try {
  auto p = torch::tensor({1.0}, torch::kFloat32).requires_grad_();
  auto q = torch::tensor({1.0}, torch::kFloat32).requires_grad_();
  Adagrad optimizer({p}, AdagradOptions().lr(1.0).eps(0.5));
  optimizer.add_param_group(OptimizerParamGroup({q}));
  p.mutable_grad() = torch::tensor({2.0}, torch::kFloat32);
  q.mutable_grad() = torch::tensor({2.0}, torch::kFloat32);
  optimizer.step();
} catch (const c10::Error& error) {
  std::cerr << "refused, though it is legal: ";
  std::cerr << error.what_without_backtrace() << '\n';
  return 1;
}
