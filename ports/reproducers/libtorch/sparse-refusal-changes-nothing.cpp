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
  auto e = torch::tensor({1.0}, torch::kFloat32).reshape({1, 1}).requires_grad_();
  std::vector<OptimizerParamGroup> groups;
  groups.push_back(OptimizerParamGroup({e}, std::make_unique<AdagradOptions>(AdagradOptions().lr(1.0).eps(0.5).weight_decay(0.5))));
  Adagrad optimizer(groups, AdagradOptions().lr(1.0).eps(0.5));
  e.mutable_grad() = torch::sparse_coo_tensor(torch::empty({1, 0}, torch::kInt64), torch::empty({0, 1}, torch::kFloat32), {1, 1});
  try {
    optimizer.step();
  } catch (const c10::Error&) {  // as is due
  }
  const auto seen = static_cast<AdagradParamState&>(*optimizer.state().at(e.unsafeGetTensorImpl())).step();
  std::cerr.precision(17);
  if (!(seen == 0)) {
    std::cerr << "e counter = " << seen << ", due 0" << '\n';
    return 1;
  }
}
