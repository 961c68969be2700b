// With the torch package of Python (pip install torch==2.13.0):
//   TORCH=$(python -c 'import torch; print(torch.__path__[0])')
//   FLAGS="-I$TORCH/include -I$TORCH/include/torch/csrc/api/include"
//   FLAGS="$FLAGS -L$TORCH/lib -Wl,-rpath,$TORCH/lib"
//   FLAGS="$FLAGS -ltorch -ltorch_cpu -lc10"
//   g++ -std=c++20 THIS_FILE.cpp $FLAGS && ./a.out
#include <torch/torch.h>
#include <cmath>
#include <iostream>

using namespace torch::optim;

int main() {
  auto q = torch::tensor({1.0}, torch::kFloat32).requires_grad_();
  std::vector<OptimizerParamGroup> groups;
  groups.push_back(OptimizerParamGroup({q}, std::make_unique<AdagradOptions>(AdagradOptions().lr(NAN))));
  try {
    Adagrad optimizer(groups);
    std::cerr << "accepted, though lr=NaN is not >= 0\n";
    return 1;
  } catch (const c10::Error&) {  // as is due
  }
}
