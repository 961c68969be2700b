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
  auto p = torch::tensor({1.0}, torch::kFloat32).requires_grad_();
  try {
    Adagrad optimizer({p}, AdagradOptions().lr(INFINITY));
    std::cerr << "accepted, though lr=inf is not finite\n";
    return 1;
  } catch (const c10::Error&) {  // as is due
  }
}
