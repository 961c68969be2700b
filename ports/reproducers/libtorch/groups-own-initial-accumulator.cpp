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
  std::vector<OptimizerParamGroup> groups;
  groups.push_back(OptimizerParamGroup({p}, std::make_unique<AdagradOptions>(AdagradOptions().lr(1.0).eps(0.5).initial_accumulator_value(0.5))));
  Adagrad optimizer(groups, AdagradOptions().lr(1.0).eps(0.5));
  const auto seen = static_cast<AdagradParamState&>(*optimizer.state().at(p.unsafeGetTensorImpl())).sum().reshape(-1)[0].item<double>();
  std::cerr.precision(17);
  if (!(seen == 0.5)) {
    std::cerr << "p[0] S = " << seen << ", due 0.5" << '\n';
    return 1;
  }
}
